/**
 * The texts of cells and outputs, kept from one save of a running notebook to the next: most have not changed, and a
 * notebook of many figures would spend more time on saves than on its cells. A text is made anew when a value of its cell
 * or output is another one. What a cell's metadata holds may change in place, and is compared as text; all other values,
 * once they are there, are replaced and never changed.
 */
import type { Cell, Notebook, Output } from './format.js';
import { type CellText, freshTexts, notebookPieces } from './serialize.js';

interface Kept<Text> {
  values: unknown[];
  text: Text;
}

type Bytes = Uint8Array;

/** Bytes of texts that are kept; the others are made at every save. */
const usualRoom = 64 * 2 ** 20;

export class KeptTexts {
  #cells = new Map<Cell, Kept<CellText<Bytes>>>();
  #outputs = new Map<Output, Kept<Bytes>>();

  constructor(readonly room = usualRoom) {}

  /** The text of the notebook file, as `notebookPieces` gives it. */
  *pieces(notebook: Notebook): Generator<string | Bytes> {
    const cells = new Map<Cell, Kept<CellText<Bytes>>>();
    const outputs = new Map<Output, Kept<Bytes>>();
    let room = this.room;
    const keep = <Key, Text>(map: Map<Key, Kept<Text>>, key: Key, kept: Kept<Text>, size: number): Text => {
      if (size <= room) {
        room -= size;
        map.set(key, kept);
      }
      return kept.text;
    };
    yield* notebookPieces(notebook, {
      cell: (cell) => {
        const kept = current(this.#cells.get(cell), valuesOfCell(cell), () => bytesOfCell(cell));
        return keep(cells, cell, kept, kept.text.head.length + kept.text.tail.length);
      },
      output: (output) => {
        const values = Object.values(output);
        const kept = current(this.#outputs.get(output), values, () => Buffer.from(freshTexts.output(output)));
        return keep(outputs, output, kept, kept.text.length);
      },
    });
    this.#cells = cells;
    this.#outputs = outputs;
  }
}

/** What is kept, where it is of these values. */
function current<Text>(kept: Kept<Text> | undefined, values: unknown[], make: () => Text): Kept<Text> {
  const isSame =
    kept?.values.length === values.length && kept.values.every((value, index) => value === values[index]);
  return kept && isSame ? kept : { values, text: make() };
}

function bytesOfCell(cell: Cell): CellText<Bytes> {
  const { head, tail } = freshTexts.cell(cell);
  return { head: Buffer.from(head), tail: Buffer.from(tail) };
}

function valuesOfCell(cell: Cell): unknown[] {
  return Object.entries(cell).map(([key, value]: [string, unknown]) => {
    if (key === 'metadata') return JSON.stringify(value);
    return key === 'outputs' ? (value as Output[]).length > 0 : value;
  });
}
