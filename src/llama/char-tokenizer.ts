/** The simplest tokenizer: one id per character that occurs in a text, in code point order. */
export class CharTokenizer {
  private readonly characters: readonly string[];
  private readonly ids: ReadonlyMap<string, number>;

  /** @throws RangeError when the text is empty. */
  constructor(text: string) {
    this.characters = [...new Set(text)].sort((a, b) => a.codePointAt(0)! - b.codePointAt(0)!);
    if (this.characters.length === 0) throw new RangeError('CharTokenizer: needs a text with characters');
    this.ids = new Map(this.characters.map((character, id) => [character, id]));
  }

  /** V. */
  get size(): number {
    return this.characters.length;
  }

  /** @throws RangeError naming a character that the tokenizer has not seen. */
  encode(text: string): number[] {
    return Array.from(text, (character) => {
      const id = this.ids.get(character);
      if (id !== undefined) return id;
      throw new RangeError(
        `CharTokenizer: ${JSON.stringify(character)} is none of its ${this.size} characters`,
      );
    });
  }

  /** @throws RangeError for an id that is none of 0 to size - 1. */
  decode(ids: readonly number[]): string {
    return ids
      .map((id) => {
        const character = this.characters[id];
        if (character !== undefined) return character;
        throw new RangeError(`CharTokenizer: there is no character ${id}; ids go from 0 to ${this.size - 1}`);
      })
      .join('');
  }
}
