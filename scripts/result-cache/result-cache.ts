/**
 * Notebooks whose outcome cannot have changed are not run again: a run that passed is kept under its key (`keys.ts`) and,
 * as long as key and device are the same, given again, its executed notebook written to where it is wanted.
 */
import { relative } from 'node:path';
import { cacheIsOff } from '../../src/cache.js';
import { isOwnKernel } from '../check/own-kernel.js';
import { isObject } from '../notebook/format.js';
import { type NotebookJob, type NotebookResult, resultOf, unstarted } from '../run/result.js';
import { RunFolder } from '../run/run-folder.js';
import { saveOnce } from '../run/saver.js';
import type { Verdict } from '../run/verdict.js';
import { type KeyOptions, type ResultKey, ResultKeys } from './keys.js';
import { readObserved, stillSo } from './observed.js';
import { type KeptRun, ResultStore } from './store.js';

export interface ResultCacheOptions extends KeyOptions {
  /** False: everything runs; what passes is kept all the same. */
  reuse: boolean;
}

/** Ends of a run that say nothing of the notebook. */
const saysNothing: Verdict[] = ['interrupted', 'not saved', 'skipped'];

export class ResultCache {
  readonly #store: ResultStore;
  readonly #keys: ResultKeys;
  readonly #reuse: boolean;
  readonly #before = new WeakMap<NotebookJob, ResultKey>();
  readonly #found = new WeakSet<NotebookJob>();
  #observations: RunFolder | undefined;
  #wrote = false;

  constructor({ reuse, ...options }: ResultCacheOptions, store = new ResultStore()) {
    this.#store = store;
    this.#keys = new ResultKeys(options);
    this.#reuse = reuse;
  }

  /** Undefined where the user's cache is switched off. */
  static open(options: ResultCacheOptions): ResultCache | undefined {
    return cacheIsOff() ? undefined : new ResultCache(options);
  }

  /** Has the kernels of our own write down what their notebooks reach. To be called before any is started. */
  async observe(jobs: readonly NotebookJob[]): Promise<void> {
    this.#observations = await RunFolder.open('kernelbook-observed-');
    for (const job of jobs) if (isOwnKernel(job.spec)) job.observed = this.#observations?.newFile();
  }

  /** Looks which of the notebooks need not run. To be called before any does, since a run changes its notebook. */
  async find(jobs: readonly NotebookJob[]): Promise<void> {
    for (const job of jobs) {
      const key = this.#keys.of(job);
      this.#before.set(job, key);
      if (key.key === undefined) continue;
      if (this.#reuse && (await this.#read(job, key.key, key.needsDevice))) this.#found.add(job);
      // It will be asked for when the run has ended; now no notebook measures anything yet.
      else if (key.needsDevice) void this.#keys.device(job);
    }
  }

  has(job: NotebookJob): boolean {
    return this.#found.has(job);
  }

  /** The result of the run that is kept; undefined: the notebook is to be run. */
  async restore(job: NotebookJob): Promise<NotebookResult | undefined> {
    const { key, needsDevice } = this.#keyOf(job);
    // Read again: the notebooks of those found are not held in memory.
    const run = key === undefined || !this.has(job) ? undefined : await this.#read(job, key, needsDevice);
    if (!run) return undefined;
    const { notebook, at, seconds, peakMemory, cellPeaks } = run;
    notebook.metadata.kernelbook = { ...asRecord(notebook.metadata.kernelbook), cached: true };
    notebook.metadata.papermill = {
      ...asRecord(notebook.metadata.papermill),
      input_path: relative(process.cwd(), job.path),
      output_path: relative(process.cwd(), job.output),
    };
    const failure = await saveOnce(job.output, notebook);
    if (failure) return { ...unstarted(job), verdict: failure.verdict, failure };
    return {
      ...resultOf(job, notebook),
      cellPeaks: new Map(cellPeaks),
      kept: true,
      cached: { at: new Date(at).toISOString(), seconds, peakMemory },
    };
  }

  /**
   * Keeps a run that passed, unless files it depends on changed meanwhile; forgets what is not so any more. Returns why
   * a run that passed is not kept.
   */
  async remember(job: NotebookJob, result: NotebookResult): Promise<string | undefined> {
    if (result.kept || saysNothing.includes(result.verdict)) return undefined;
    const before = this.#keyOf(job);
    const passed = result.verdict === 'passed';
    if (before.key === undefined) return passed ? before.reason : undefined;
    const { key, needsDevice } = before;
    if (!passed) {
      await this.#store.remove(key);
      return undefined;
    }
    const after = this.#keys.of(job);
    if (after.key !== key) return after.reason ?? 'what it depends on changed while it ran';
    const device = needsDevice ? await this.#keys.device(job) : '';
    if (device === undefined) return 'the devices of this machine could not be listed';
    const { seconds, peakMemory, cellPeaks = [] } = result;
    const { notebook } = job;
    const world = { env: environmentOf(job), hashes: this.#keys.hashes };
    const found = before.observed ? await readObserved(job.observed, world) : { seen: [] };
    if (found.reason !== undefined) return found.reason;
    const { seen } = found;
    const run = { at: Date.now(), seconds, peakMemory, cellPeaks: [...cellPeaks], device, seen, notebook };
    await this.#store.write(key, run);
    this.#wrote = true;
    return undefined;
  }

  /** To be called when all have run. */
  async close(): Promise<void> {
    await this.#observations?.close();
    if (this.#wrote) await this.#store.tidy();
  }

  #keyOf(job: NotebookJob): ResultKey {
    return this.#before.get(job) ?? { reason: 'it was not looked for' };
  }

  async #read(job: NotebookJob, key: string, needsDevice: boolean): Promise<KeptRun | undefined> {
    const run = await this.#store.read(key);
    if (!run || !stillSo(run.seen, { env: environmentOf(job), hashes: this.#keys.hashes })) return undefined;
    return run.device === (needsDevice ? await this.#keys.device(job) : '') ? run : undefined;
  }
}

/** Of its kernel. */
function environmentOf({ env, spec }: NotebookJob): NodeJS.ProcessEnv {
  return { ...env, ...spec.env };
}

function asRecord(value: unknown): Record<string, unknown> {
  return isObject(value) ? value : {};
}
