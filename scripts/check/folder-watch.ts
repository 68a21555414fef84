/**
 * Saves of notebooks and sources in a set of folders. Folders are watched, not files, because editors save by renaming;
 * what they do in several steps is one change.
 */
import { watch } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const settleMs = 100;
const watched = /\.(?:ipynb|json|[cm]?[jt]s)$/;

export class FolderWatch {
  readonly #signal: AbortSignal;
  readonly #folders = new Set<string>();
  readonly #changed = new Set<string>();
  #wake: () => void = () => {};

  /** @param signal ends it */
  constructor(signal: AbortSignal) {
    this.#signal = signal;
    signal.addEventListener('abort', () => this.#wake());
  }

  /** Watches these folders too; of a file, the folder it is in. */
  watch(paths: readonly string[]): void {
    for (const path of paths) {
      const folder = watched.test(path) ? dirname(path) : path;
      if (this.#folders.has(folder)) continue;
      this.#folders.add(folder);
      watch(folder, { signal: this.#signal }, (_, name) => {
        if (name === null || basename(name).startsWith('.') || !watched.test(name)) return;
        this.#changed.add(join(folder, name));
        this.#wake();
      }).on('error', () => this.#folders.delete(folder));
    }
  }

  /** What was saved since the last time; waits until there is something, or the signal comes. */
  async changes(): Promise<string[]> {
    if (this.#changed.size === 0 && !this.#signal.aborted)
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    await sleep(settleMs, undefined, { signal: this.#signal }).catch(() => {});
    const changed = [...this.#changed];
    this.#changed.clear();
    return changed;
  }
}
