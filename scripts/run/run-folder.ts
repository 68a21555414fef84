/**
 * A folder for the files that a run and its kernels hand each other, beside the kernels' connection files. It goes when the
 * run ends; that of a run that was killed goes with the next.
 */
import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { isRunning } from '../../kernel/protocol/process-running.js';
import { runtimeDir } from '../../kernel/protocol/runtime-folder.js';

export class RunFolder {
  #files = 0;

  private constructor(readonly folder: string) {}

  /** Undefined where the folder cannot be made. @param prefix of its name, which tells what it is for */
  static async open(prefix: string): Promise<RunFolder | undefined> {
    try {
      await mkdir(runtimeDir(), { recursive: true, mode: 0o700 });
      await removeAbandoned(prefix);
      return new RunFolder(await mkdtemp(join(runtimeDir(), `${prefix}${process.pid}-`)));
    } catch {
      return undefined;
    }
  }

  /** Where what concerns one more notebook will be. */
  newFile(): string {
    return join(this.folder, `${++this.#files}.json`);
  }

  async close(): Promise<void> {
    await rm(this.folder, { recursive: true, force: true }).catch(() => {});
  }
}

async function removeAbandoned(prefix: string): Promise<void> {
  for (const name of await readdir(runtimeDir())) {
    const run = name.startsWith(prefix) && /^(\d+)-\w{6}$/.exec(name.slice(prefix.length));
    if (run && !isRunning(Number(run[1])))
      await rm(join(runtimeDir(), name), { recursive: true, force: true }).catch(() => {});
  }
}
