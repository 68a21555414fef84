/**
 * The kernel's language engines for notebooks that are checked without a run: one process serves all notebooks of a folder
 * and dialect, one after the other. It is the engine, the program and the options that check the cells when they run.
 */
import { dialectVariable } from '../../kernel/dialect.js';
import type { LanguageEngine } from '../../kernel/language/engine.js';
import { RemoteEngine } from '../../kernel/language/remote-engine.js';

/** Where a notebook's cells would be checked when it runs. */
export interface Setting {
  /** The kernel's working folder. */
  cwd: string;
  dialect: string;
}

/** A checker keeps types of cells that are gone, some 3 MB for each of the workbook's notebooks: then a new process starts. */
const notebooksPerProcess = 50;

export class Engines {
  readonly #engines = new Map<string, { engine: RemoteEngine; used: number }>();
  readonly #most: number;

  /** @param most how many processes are kept; beyond that the one that has waited longest ends */
  constructor(most: number) {
    this.#most = most;
  }

  /** An engine that knows no cell. */
  async fresh({ cwd, dialect }: Setting): Promise<LanguageEngine> {
    const key = JSON.stringify([cwd, dialect]);
    let entry = this.#engines.get(key);
    this.#engines.delete(key);
    if (entry && entry.used >= notebooksPerProcess) {
      entry.engine.close();
      entry = undefined;
    }
    if (entry) await entry.engine.reset();
    else
      entry = {
        engine: new RemoteEngine({ cwd, env: { ...process.env, [dialectVariable]: dialect } }),
        used: 0,
      };
    entry.used++;
    this.#engines.set(key, entry);
    for (const [old, { engine }] of this.#engines) {
      if (this.#engines.size <= this.#most) break;
      engine.close();
      this.#engines.delete(old);
    }
    return entry.engine;
  }

  close(): void {
    for (const { engine } of this.#engines.values()) engine.close();
    this.#engines.clear();
  }
}
