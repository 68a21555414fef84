/**
 * The files in which the kernels of a run find what the check before it said of their cells (`kernel/language/engine-ahead.ts`).
 * They lie beside the kernels' connection files and go when the run ends; those of a run that was killed go with the next.
 */
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { CellAhead } from '../../kernel/language/cell-ahead.js';
import { isRunning } from '../../kernel/protocol/process-running.js';
import { runtimeDir } from '../../kernel/protocol/runtime-folder.js';

const prefix = 'kernelbook-cells-';

export class CheckedCells {
  #files = 0;

  private constructor(readonly folder: string) {}

  /** Undefined where the folder cannot be made: then each kernel checks for itself. */
  static async open(): Promise<CheckedCells | undefined> {
    try {
      await mkdir(runtimeDir(), { recursive: true, mode: 0o700 });
      await removeAbandoned();
      return new CheckedCells(await mkdtemp(join(runtimeDir(), `${prefix}${process.pid}-`)));
    } catch {
      return undefined;
    }
  }

  /** Where the cells of one more notebook will be. */
  newFile(): string {
    return join(this.folder, `${++this.#files}.json`);
  }

  async write(file: string, cells: readonly CellAhead[]): Promise<void> {
    await writeFile(file, JSON.stringify(cells), { mode: 0o600 }).catch(() => {}); // its kernel will check
  }

  async close(): Promise<void> {
    await rm(this.folder, { recursive: true, force: true }).catch(() => {});
  }
}

async function removeAbandoned(): Promise<void> {
  for (const name of await readdir(runtimeDir())) {
    const run = name.startsWith(prefix) && /^(\d+)-\w{6}$/.exec(name.slice(prefix.length));
    if (run && !isRunning(Number(run[1])))
      await rm(join(runtimeDir(), name), { recursive: true, force: true }).catch(() => {});
  }
}
