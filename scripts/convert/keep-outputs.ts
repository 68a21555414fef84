/**
 * A text form brought into the notebook it belongs to: text, order and metadata are those of the text; outputs, counts
 * and records of runs stay with every code cell whose source is unchanged. What jupytext calls `--update`.
 */
import { type Cell, isObject, type Notebook } from '../notebook/format.js';
import { splitCellMetadata, splitNotebookMetadata } from '../notebook/volatile.js';

/** @param hasIds whether a cell's id stands in the text; others take that of the old cell with the same source */
export function keepOutputs(text: Notebook, old: Notebook, hasIds: (cell: Cell) => boolean): Notebook {
  const unused = new Set(old.cells);
  const partners = new Map<Cell, Cell>();
  const pair = (cell: Cell, same: (other: Cell) => boolean) => {
    const other = [...unused].find((one) => one.cell_type === cell.cell_type && same(one));
    if (!other || partners.has(cell)) return;
    partners.set(cell, other);
    unused.delete(other);
  };
  for (const cell of text.cells) if (hasIds(cell)) pair(cell, ({ id }) => id === cell.id);
  for (const cell of text.cells) pair(cell, ({ source }) => source === cell.source);
  const taken = new Set(text.cells.filter(hasIds).map(({ id }) => id));
  const cells = text.cells.map((cell): Cell => {
    const other = partners.get(cell);
    if (!other) return cell;
    const id = hasIds(cell) || taken.has(other.id) ? cell.id : other.id;
    return withKept({ ...cell, id }, other);
  });
  const { volatile } = splitNotebookMetadata(old.metadata);
  return { ...text, metadata: merged(text.metadata, volatile), cells };
}

function withKept(cell: Cell, old: Cell): Cell {
  if (cell.cell_type !== 'code') {
    // Other writers of text forms leave attachments out.
    const kept = Object.entries(old.cell_type === 'code' ? {} : (old.attachments ?? {})).filter(([name]) =>
      cell.source.includes(`attachment:${name}`),
    );
    return cell.attachments || kept.length === 0 ? cell : { ...cell, attachments: Object.fromEntries(kept) };
  }
  if (old.cell_type !== 'code' || old.source !== cell.source) return cell;
  const { volatile } = splitCellMetadata(old.metadata);
  const { outputs, execution_count } = old;
  return { ...cell, metadata: merged(cell.metadata, volatile), outputs, execution_count };
}

function merged(first: Record<string, unknown>, second: Record<string, unknown>): Record<string, unknown> {
  const result = { ...second, ...first };
  for (const [key, value] of Object.entries(second)) {
    const own = first[key];
    if (isObject(own) && isObject(value)) result[key] = { ...value, ...own };
  }
  return result;
}
