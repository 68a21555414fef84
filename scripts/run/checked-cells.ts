/** The files in which the kernels of a run find what the check before it said of their cells (`kernel/language/engine-ahead.ts`). */
import { writeFile } from 'node:fs/promises';
import type { CellAhead } from '../../kernel/language/cell-ahead.js';
import { RunFolder } from './run-folder.js';

export class CheckedCells {
  private constructor(readonly files: RunFolder) {}

  /** Undefined where their folder cannot be made: then each kernel checks for itself. */
  static async open(): Promise<CheckedCells | undefined> {
    const files = await RunFolder.open('kernelbook-cells-');
    return files && new CheckedCells(files);
  }

  /** Where the cells of one more notebook will be. */
  newFile(): string {
    return this.files.newFile();
  }

  async write(file: string, cells: readonly CellAhead[]): Promise<void> {
    await writeFile(file, JSON.stringify(cells), { mode: 0o600 }).catch(() => {}); // its kernel will check
  }

  close(): Promise<void> {
    return this.files.close();
  }
}
