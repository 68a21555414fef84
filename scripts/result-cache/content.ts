/** What a run is of: the notebook without what a run adds to it, and the files that its cells import. */
import { pagerQuery } from '../../kernel/worker/pager.js';
import type { Cell, Notebook } from '../notebook/format.js';
import { splitCellMetadata, splitNotebookMetadata } from '../notebook/volatile.js';
import { type Dependencies, dependenciesOf } from './dependencies.js';

/** What the author wrote and the parameters of the run, without what a run adds. */
export function contentOf({ metadata, cells }: Notebook): unknown {
  return [splitNotebookMetadata(metadata).lasting, cells.map(cellContent)];
}

function cellContent(cell: Cell): unknown {
  const { cell_type, id, source, metadata } = cell;
  const attachments = 'attachments' in cell ? cell.attachments : undefined;
  return [cell_type, id, source, splitCellMetadata(metadata).lasting, attachments ?? null];
}

/** Of a notebook of our kernel that runs in this folder. */
export function dependenciesOfNotebook({ cells }: Notebook, folder: string): Dependencies {
  const sources = cells.flatMap(({ cell_type, source }, index) =>
    cell_type === 'code' && !pagerQuery(source) ? [{ name: `cell ${index + 1}`, source }] : [],
  );
  return dependenciesOf(sources, folder);
}
