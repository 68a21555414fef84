/**
 * Where results are kept: a file for each key in the user's cache folder, its first line the hash of the rest, so that
 * damage is found and the file removed. Files appear and go as a whole; runs at the same time may share the folder. What
 * cannot be read or written is not kept, and that is no error.
 */
import { mkdir, readdir, readFile, rm, stat, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { cacheDirectory } from '../../src/cache.js';
import { isObject, type Notebook } from '../notebook/format.js';
import { writeFileAtomically } from '../notebook/write.js';
import { sha256 } from './file-hashes.js';
import type { Seen } from './observed.js';

/** A run that passed. */
export interface KeptRun {
  /** When it ended, in milliseconds since 1970. */
  at: number;
  seconds: number;
  peakMemory: number | undefined;
  /** By cell id. */
  cellPeaks: [string, number][];
  /** What computed; empty for code that can reach no device. */
  device: string;
  /** What it was seen to reach, with what was there. */
  seen: Seen[];
  /** As it was executed. */
  notebook: Notebook;
}

export interface StoreLimits {
  /** Bytes and number of all files; beyond them the ones that were not used for longest go. */
  total: number;
  files: number;
  /** Bytes of one. */
  one: number;
}

const usual: StoreLimits = { total: 512 * 2 ** 20, files: 5_000, one: 64 * 2 ** 20 };
/** Of the limits, what is left after tidying up: it is not to be done at every run. */
const share = 0.8;
const format = 'kernelbook result 2';

export class ResultStore {
  readonly folder: string;
  readonly #limits: StoreLimits;

  constructor(folder = join(cacheDirectory(), 'results'), limits = usual) {
    this.folder = folder;
    this.#limits = limits;
  }

  /** Undefined where there is none, or none that is whole. */
  async read(key: string): Promise<KeptRun | undefined> {
    const path = this.#path(key);
    const text = await readFile(path, 'utf8').catch(() => undefined);
    if (text === undefined) return undefined;
    const run = parse(text);
    if (!run) await rm(path, { force: true }).catch(() => {});
    else await utimes(path, new Date(), new Date()).catch(() => {});
    return run;
  }

  async write(key: string, run: KeptRun): Promise<void> {
    try {
      const body = JSON.stringify(run);
      if (body.length > this.#limits.one) return;
      const head = JSON.stringify({ format, sha256: sha256(body) });
      await mkdir(this.folder, { recursive: true, mode: 0o700 });
      // What a notebook shows is its owner's.
      await writeFileAtomically(this.#path(key), `${head}\n${body}`, { durable: false, mode: 0o600 });
    } catch {
      // A full disk, a folder that is not ours, outputs beyond the longest text: the next run runs again.
    }
  }

  async remove(key: string): Promise<void> {
    await rm(this.#path(key), { force: true }).catch(() => {});
  }

  /** Keeps the folder within its limits. */
  async tidy(): Promise<void> {
    const entries = await readdir(this.folder).catch(() => []);
    const found = await Promise.all(
      entries.map(async (name) => {
        const path = join(this.folder, name);
        const { size, mtimeMs } = (await stat(path).catch(() => undefined)) ?? { size: 0, mtimeMs: 0 };
        return { path, size, used: mtimeMs };
      }),
    );
    found.sort((a, b) => a.used - b.used);
    let files = found.length;
    let total = found.reduce((sum, { size }) => sum + size, 0);
    const { files: most, total: largest } = this.#limits;
    if (files <= most && total <= largest) return;
    for (const { path, size } of found) {
      if (files <= most * share && total <= largest * share) return;
      await rm(path, { force: true }).catch(() => {});
      files--;
      total -= size;
    }
  }

  #path(key: string): string {
    return join(this.folder, `${key}.json`);
  }
}

function parse(text: string): KeptRun | undefined {
  const end = text.indexOf('\n');
  const body = text.slice(end + 1);
  try {
    const head: unknown = JSON.parse(text.slice(0, end));
    if (!isObject(head) || head.format !== format || head.sha256 !== sha256(body)) return undefined;
    return JSON.parse(body) as KeptRun;
  } catch {
    return undefined;
  }
}
