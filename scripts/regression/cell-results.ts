/** What a run measured and checked in each code cell. */
import { profileMimeType } from '../../src/workbench/profile/report.js';
import { verifyMimeType } from '../../src/workbench/verify/bundle.js';
import { isObject, type Notebook } from '../notebook/format.js';
import { cellRecords } from '../notebook/verifications.js';

/** One code cell of a run. */
export interface CellResult {
  number: number;
  id: string;
  status: unknown;
  seconds: unknown;
  /** Largest resident size of the kernel in bytes when the cell had ended. */
  peakMemory?: number;
  /** What `verify` and its like, and `profile`, showed: the data of their mime types. */
  verifications: Record<string, unknown>[];
  profiles: Record<string, unknown>[];
}

export function cellResults(notebook: Notebook, peaks: ReadonlyMap<string, number>): CellResult[] {
  return notebook.cells.flatMap((cell, index): CellResult[] => {
    if (cell.cell_type !== 'code') return [];
    const { status, duration } = isObject(cell.metadata.papermill) ? cell.metadata.papermill : {};
    const peakMemory = peaks.get(cell.id);
    return [
      {
        number: index + 1,
        id: cell.id,
        status,
        seconds: duration,
        ...(peakMemory !== undefined && { peakMemory }),
        verifications: cellRecords(cell, verifyMimeType),
        profiles: cellRecords(cell, profileMimeType),
      },
    ];
  });
}
