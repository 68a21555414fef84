/**
 * The run itself, of notebooks that have been read and checked: in which order, with which kernels started ahead, and what
 * is remembered of it. While a notebook with a budget of time runs, no kernel starts beside it.
 */
import { checkRegression, type RegressionOptions } from '../regression/regression.js';
import { updateLine } from '../regression/report.js';
import { allBudgets } from '../regression/settings.js';
import type { ResultCache } from '../result-cache/result-cache.js';
import { executeNotebook, skipNotebook } from './execute-notebook.js';
import type { NotebookJob, NotebookResult } from './result.js';
import { keptResult } from './resume.js';
import type { RunOptions } from './run-options.js';
import { type History, readHistory, remember } from './schedule/history.js';
import type { KernelPool } from './schedule/kernel-pool.js';
import { Schedule } from './schedule/schedule.js';

export interface RunParts {
  regression: RegressionOptions;
  pool: KernelPool;
  cache: ResultCache | undefined;
  options: RunOptions;
}

export class Run {
  readonly #ended: History = new Map();
  readonly #results: NotebookResult[] = [];
  /** A notebook is let go of when it has run: the outputs of hundreds would fill the memory. */
  readonly #pending: (NotebookJob | undefined)[];
  /** Notebooks that have begun and wait for their kernel. */
  readonly #waiting = new Set<number>();

  private constructor(
    jobs: (NotebookJob | undefined)[],
    /** By index, those of the folder of outputs that `--resume` lets stand. */
    readonly kept: ReadonlyMap<number, NotebookResult>,
    readonly schedule: Schedule,
    readonly parts: RunParts,
  ) {
    this.#pending = jobs;
  }

  /** @param jobs emptied as the notebooks run */
  static async plan(jobs: NotebookJob[], parts: RunParts): Promise<Run> {
    const { options } = parts;
    const kept = new Map<number, NotebookResult>();
    for (const [index, job] of jobs.entries()) {
      const result = options.resume && job.skips.notebook === undefined && (await keptResult(job));
      if (result) kept.set(index, result);
    }
    const remembered = await readHistory(options.env);
    const past = jobs.map((job) => remembered.get(job.path));
    const schedule = new Schedule({ jobs: options.jobs, memoryCap: options.memoryCap, past });
    return new Run(jobs, kept, schedule, parts);
  }

  /** Starts kernels for the notebooks that come next. Before the first notebook begins: for those that begin at once. */
  startAhead(): void {
    const { running } = this.schedule;
    const isMeasured = running.some((index) => this.#isMeasured(index));
    const count =
      running.length === 0 ? this.parts.options.jobs : isMeasured ? 0 : this.parts.options.warmKernels;
    const next = this.schedule.next(count, (index) => this.#needsKernel(index));
    this.parts.pool.expect([...this.#waiting, ...next].map((index) => this.#pending[index]!));
  }

  /** Results in the order of the notebooks. */
  async all(): Promise<NotebookResult[]> {
    const { progress, env } = this.parts.options;
    progress.start(this.#pending.map((job) => job!.name));
    try {
      await this.schedule.run((index) => this.#one(index));
    } finally {
      progress.stop();
      await remember(this.#ended, env);
    }
    return this.#results;
  }

  async #one(index: number): Promise<void> {
    const { regression, cache, options } = this.parts;
    const { progress } = options;
    const job = this.#pending[index]!;
    progress.begin(job.name);
    const result = await checkRegression(job, await this.#resultOf(index, job), regression);
    const uncached = await cache?.remember(job, result);
    if (uncached !== undefined) result.uncached = uncached;
    this.#pending[index] = undefined;
    this.#results[index] = result;
    progress.end(result);
    const { update } = result.regression ?? {};
    if (update) progress.note(updateLine(update));
    const { verdict, kept, seconds, peakMemory } = result;
    if (verdict === 'passed' && !kept)
      this.#ended.set(job.path, { seconds, ...(peakMemory !== undefined && { peakMemory }), at: Date.now() });
  }

  async #resultOf(index: number, job: NotebookJob): Promise<NotebookResult> {
    if (job.skips.notebook !== undefined) return skipNotebook(job);
    const kept = this.kept.get(index) ?? (await this.parts.cache?.restore(job));
    if (kept) return kept;
    this.#waiting.add(index);
    const onKernel = () => {
      this.#waiting.delete(index);
      this.startAhead();
    };
    try {
      return await executeNotebook(job, onKernel);
    } finally {
      this.#waiting.delete(index);
    }
  }

  #needsKernel(index: number): boolean {
    const job = this.#pending[index]!;
    return job.skips.notebook === undefined && !this.kept.has(index) && !this.parts.cache?.has(job);
  }

  #isMeasured(index: number): boolean {
    const notebook = this.#pending[index]?.notebook;
    if (!notebook || !this.#needsKernel(index)) return false;
    const budgets = allBudgets(notebook, this.parts.regression.budgets);
    return budgets.some(({ maxSeconds }) => maxSeconds !== undefined);
  }
}
