/**
 * Saves of notebooks and sources in a set of folders. Folders are watched, not files, because editors save by renaming;
 * what they do in several steps is one change.
 */
import { type FSWatcher, readdirSync, statSync, watch } from 'node:fs';
import { basename, dirname, join, sep } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const settleMs = 100;
const watched = /\.(?:ipynb|json|[cm]?[jt]s)$/;

export class FolderWatch {
  readonly #signal: AbortSignal;
  readonly #folders = new Map<string, FSWatcher>();
  /** Those whose new folders are watched too. */
  readonly #trees = new Set<string>();
  readonly #changed = new Set<string>();
  #wake: () => void = () => {};

  /** @param signal ends it */
  constructor(signal: AbortSignal) {
    this.#signal = signal;
    signal.addEventListener('abort', () => this.#wake());
  }

  /** Watches these folders too; of a file, the folder it is in. */
  watch(paths: readonly string[]): void {
    for (const path of paths) this.#watch(isFolder(path) || !watched.test(path) ? path : dirname(path));
  }

  /** Likewise with all folders in them, also those that are yet to come. */
  watchTrees(paths: readonly string[]): void {
    this.watch(paths);
    for (const path of paths) if (isFolder(path)) this.#watchTree(path);
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

  #watch(folder: string): void {
    if (this.#folders.has(folder)) return;
    const watcher = watch(folder, { signal: this.#signal }, (_, name) => {
      if (name === null || basename(name).startsWith('.')) return;
      const path = join(folder, name);
      if (watched.test(name) || this.#isOfFolders(path)) this.#tell(path);
    });
    watcher.on('error', () => this.#folders.delete(folder));
    this.#folders.set(folder, watcher);
  }

  #watchTree(folder: string): void {
    this.#watch(folder);
    this.#trees.add(folder);
    for (const entry of readdirSync(folder, { withFileTypes: true }))
      if (entry.isDirectory() && isOpen(entry.name)) this.#watchTree(join(folder, entry.name));
  }

  /** Whether a folder came or went there; a new one is watched. */
  #isOfFolders(path: string): boolean {
    if (!isFolder(path)) return this.#forget(path);
    if (!this.#trees.has(dirname(path)) || this.#trees.has(path) || !isOpen(path)) return false;
    try {
      this.#watchTree(path);
    } catch (error) {
      if (isFolder(path)) throw error; // it may be gone again
    }
    return true;
  }

  #forget(gone: string): boolean {
    const inside = [...this.#folders].filter(([folder]) => folder === gone || folder.startsWith(gone + sep));
    for (const [folder, watcher] of inside) {
      watcher.close();
      this.#folders.delete(folder);
      this.#trees.delete(folder);
    }
    return inside.length > 0;
  }

  #tell(path: string): void {
    this.#changed.add(path);
    this.#wake();
  }
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

/** Notebooks are not looked for in hidden folders and packages. */
function isOpen(path: string): boolean {
  return !basename(path).startsWith('.') && basename(path) !== 'node_modules';
}
