/** Writes observations down as they are made, each once, so that they are there however the process ends. */
import { openSync, writeSync } from 'node:fs';
import { sep } from 'node:path';
import { cacheDirectory } from '../../../src/cache.js';
import { packageRoot } from '../../language/own-package.js';
import { type Observation, observedHeader } from './observation.js';

/** Beyond so many it costs more to look at them again than to run. */
const most = 20_000;

export class Record {
  readonly #known = new Set<string>();
  readonly #file: number;
  readonly #own = [`${packageRoot}${sep}dist${sep}`, cacheDirectory()];

  constructor(file: string) {
    this.#file = openSync(file, 'a', 0o600);
    writeSync(this.#file, `${observedHeader}\n`);
  }

  add(observation: Observation): void {
    const [kind, subject] = observation;
    const key = `${kind} ${subject}`;
    if (this.#known.has(key) || this.#known.size > most) return;
    this.#known.add(key);
    const line: Observation = this.#known.size > most ? ['beyond', 'looks at too many files'] : observation;
    // Not what patched functions it is called from were given to: these were imported before.
    writeSync(this.#file, `${JSON.stringify(line)}\n`);
  }

  beyond(what: string): void {
    this.add(['beyond', what]);
  }

  /** Whether native code is what this package itself has brought to the user's cache. */
  isKnownLibrary(path: string): boolean {
    return path.startsWith(cacheDirectory());
  }

  /**
   * Whether a path tells nothing that a result is not known by anyway: installed packages are told by their versions, our
   * build by its files, and what the process is told of itself is no more the same than the time.
   */
  isKnown(path: string): boolean {
    return (
      /[\\/]node_modules([\\/]|$)/.test(path) ||
      /^\/proc\/(self|thread-self|\d+)(\/|$)/.test(path) ||
      path === '/dev/null' ||
      this.#own.some((folder) => path.startsWith(folder))
    );
  }
}
