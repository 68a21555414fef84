/** Notebooks of code cells, as the tests of the check write them. */
import type { Notebook } from '../../scripts/notebook/format.js';

export type CellText = string | [source: string, ...tags: string[]];

export function notebookOf(cells: CellText[]): Notebook {
  return {
    nbformat: 4,
    nbformat_minor: 5,
    metadata: {},
    cells: cells.map((cell, index) => {
      const [source, ...tags] = typeof cell === 'string' ? [cell] : cell;
      return {
        cell_type: 'code',
        id: `c${index + 1}`,
        metadata: { tags },
        source: source!,
        execution_count: null,
        outputs: [],
      };
    }),
  };
}
