/** Ids for cells that come without one. */
import { createHash } from 'node:crypto';

/** The id that a cell without one gets from its place and source, unless another cell has it. */
export function derivedId(source: unknown, index: number, attempt = 0): string {
  return createHash('sha256')
    .update(`${index} ${attempt} ${String(source)}`)
    .digest('hex')
    .slice(0, 8);
}

/** The first derived id that is not taken; from then on it is. */
export function freeId(source: unknown, index: number, taken: Set<unknown>): string {
  for (let attempt = 0; ; attempt++) {
    const id = derivedId(source, index, attempt);
    if (taken.has(id)) continue;
    taken.add(id);
    return id;
  }
}
