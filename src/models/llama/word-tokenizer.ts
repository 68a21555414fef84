/**
 * A tokenizer for experiments: one id per word (with the space in front of it), punctuation mark or line break of a text,
 * in the order of first appearance. Nothing is lost: decoding gives the text back.
 */
const pieces = / ?[\p{L}\p{N}]+(?:['’-][\p{L}\p{N}]+)*|[^\p{L}\p{N}]/gu;

export class WordTokenizer {
  private readonly words: readonly string[];
  private readonly ids: ReadonlyMap<string, number>;

  /** @throws RangeError when the text is empty. */
  constructor(text: string) {
    this.words = [...new Set(cut(text))];
    if (this.words.length === 0) throw new RangeError('WordTokenizer: needs a text that is not empty');
    this.ids = new Map(this.words.map((word, id) => [word, id]));
  }

  /** V. */
  get size(): number {
    return this.words.length;
  }

  /** @throws RangeError naming a word that the tokenizer has not seen. */
  encode(text: string): number[] {
    return cut(text).map((word) => {
      const id = this.ids.get(word);
      if (id !== undefined) return id;
      throw new RangeError(
        `WordTokenizer: ${JSON.stringify(word)} is none of its ${this.size} words (a word includes the space in front of it)`,
      );
    });
  }

  /** @throws RangeError for an id that is none of 0 to size - 1. */
  decode(ids: readonly number[]): string {
    return ids
      .map((id) => {
        const word = this.words[id];
        if (word !== undefined) return word;
        throw new RangeError(`WordTokenizer: there is no word ${id}; ids go from 0 to ${this.size - 1}`);
      })
      .join('');
  }
}

function cut(text: string): string[] {
  return text.match(pieces) ?? [];
}
