/**
 * The texts of outputs, kept from one save of a running notebook to the next: most outputs have not changed, and a notebook
 * of many figures would spend more time on saves than on its cells. A text is made anew when a value of its output is
 * another one; the values themselves, once received, are replaced and never changed.
 */
import type { Notebook, Output } from './format.js';
import { notebookPieces, outputJson } from './serialize.js';

interface Kept {
  values: unknown[];
  text: Uint8Array;
}

/** Bytes of texts that are kept; the others are made at every save. */
const usualRoom = 64 * 2 ** 20;

export class OutputTexts {
  #kept = new Map<Output, Kept>();

  constructor(readonly room = usualRoom) {}

  /** The text of the notebook file, as `notebookPieces` gives it. */
  *pieces(notebook: Notebook): Generator<string | Uint8Array> {
    const kept = new Map<Output, Kept>();
    let room = this.room;
    yield* notebookPieces(notebook, (output) => {
      const text = this.#text(output);
      if (text.text.length <= room) {
        room -= text.text.length;
        kept.set(output, text);
      }
      return text.text;
    });
    this.#kept = kept;
  }

  #text(output: Output): Kept {
    const values = Object.values(output);
    const kept = this.#kept.get(output);
    return kept && isSame(kept.values, values) ? kept : { values, text: Buffer.from(outputJson(output)) };
  }
}

function isSame(before: unknown[], now: unknown[]): boolean {
  return before.length === now.length && before.every((value, index) => value === now[index]);
}
