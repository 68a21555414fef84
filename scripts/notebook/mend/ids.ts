/** Ids for cells that have none, none that the format allows, or that of an earlier cell: the same file gives the same ids. */

import { freeId } from '../cell-id.js';
import { isObject } from '../format.js';
import { joinLines } from '../text.js';
import { shown } from './mends.js';

const valid = /^[a-zA-Z0-9_-]{1,64}$/;

/** Changes the cells, which are the caller's own. */
export function mendIds(cells: readonly unknown[], note: (index: number, what: string) => void): void {
  const ids = cells.map((cell) => (isObject(cell) ? cell.id : undefined));
  const taken = new Set<unknown>(ids);
  const seen = new Map<unknown, number>();
  for (const [index, cell] of cells.entries()) {
    if (!isObject(cell)) continue;
    const id = ids[index];
    const first = seen.get(id);
    const isValid = typeof id === 'string' && valid.test(id);
    if (isValid && first === undefined) {
      seen.set(id, index);
      continue;
    }
    cell.id = freeId(joinLines(cell.source), index, taken);
    if (id === undefined) note(index, 'no id, it gets one');
    else if (!isValid) note(index, `its id ${shown(id)} is not valid, it gets another`);
    else note(index, `its id ${shown(id)} is that of cell ${first! + 1} too, it gets another`);
  }
}
