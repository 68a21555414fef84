/** What `kernelbook run`, which checks a notebook before it runs, leaves for the kernel that runs it: a JSON list of cells. */
import type { CellVerdict } from './engine.js';

/** Names the file, in the environment of the kernel's process. It need not be there before the first cell comes. */
export const aheadVariable = 'KERNELBOOK_CHECKED_CELLS';

export interface CellAhead {
  source: string;
  /** The execution count with which it is to come. */
  count: number;
  /** How many cells before it must have run without throwing: those of which it sees the declarations. */
  after: number;
  verdict: CellVerdict;
  /** The user's own files it imports, with the stamps they had. */
  files: [path: string, stamp: string | undefined][];
}
