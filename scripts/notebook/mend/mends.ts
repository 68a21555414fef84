/** What was found wrong with a notebook file and set right while it was read, for one line to the user. */

export interface Mend {
  /** From 1, cells of text counted too; undefined: it concerns the notebook as a whole. */
  cell: number | undefined;
  /** What was wrong and what it became: `no id, it gets one`. */
  what: string;
}

/** Says what is mended, of the notebook or of one of its cells. */
export type Note = (what: string) => void;

/** Cells that one line names before it only counts them. */
const mostNamed = 5;

/** All of it as one line: `cells 1, 3: no id, it gets one; metadata is missing`. */
export function mendsText(mends: readonly Mend[]): string {
  const cellsOf = new Map<string, number[]>();
  for (const { cell, what } of mends) {
    const cells = cellsOf.get(what) ?? [];
    if (cell !== undefined && !cells.includes(cell)) cells.push(cell);
    cellsOf.set(what, cells);
  }
  return [...cellsOf].map(([what, cells]) => placed(cells, what)).join('; ');
}

function placed(cells: readonly number[], what: string): string {
  if (cells.length === 0) return what;
  const named = cells.slice(0, mostNamed).join(', ');
  const more = cells.length > mostNamed ? ` and ${cells.length - mostNamed} more` : '';
  return `cell${cells.length > 1 ? 's' : ''} ${named}${more}: ${what}`;
}

/** A value as messages show it. */
export function shown(value: unknown): string {
  const json = JSON.stringify(value) ?? String(value);
  return json.length <= 40 ? json : `${json.slice(0, 37)}...`;
}
