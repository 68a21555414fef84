/**
 * Runs one notebook from top to bottom in a kernel of its own, over the Jupyter protocol. The output file is
 * saved after every cell; a failing cell ends the run and what was shown so far is kept.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { KernelSpec } from '../../kernel/kernelspec.js';
import { KernelDiedError } from '../../kernel/protocol/client.js';
import { markSkipped } from '../check/before-run.js';
import type { Cell, CodeCell, Notebook } from '../notebook/format.js';
import { MemoryWatch } from './limits/memory-watch.js';
import { describeKill, oomKills } from './limits/oom.js';
import { Interrupted, MemoryLimit, StopReason, TimeLimit } from './limits/stop-reasons.js';
import { MessageRouter } from './message-router.js';
import type { NotebookKernel } from './notebook-kernel.js';
import { cellEnded, cellStarted, notebookEnded } from './papermill.js';
import {
  codeCells,
  type Failure,
  type NotebookJob,
  type NotebookResult,
  resultOf,
  unstarted,
} from './result.js';
import { recordPassed } from './resume.js';
import { runCell } from './run-cell.js';
import { NotebookSaver, saveOnce } from './saver.js';

/**
 * Never throws for what the notebook or its kernel does; that is in the result.
 * @param onKernel called when the notebook has its kernel
 */
export async function executeNotebook(job: NotebookJob, onKernel: () => void): Promise<NotebookResult> {
  const started = performance.now();
  const run = new NotebookRun(job, onKernel);
  let failure: Failure | undefined;
  try {
    failure = await run.run();
  } finally {
    notebookEnded(job.notebook, failure !== undefined);
    if (!failure && run.skipped.length === 0) recordPassed(job.notebook, job.key);
    await run.saver.close();
  }
  failure = unsaved(run.saver, failure) ?? failure;
  return {
    ...resultOf(job, job.notebook),
    verdict: failure?.verdict ?? 'passed',
    failure,
    ran: run.ran,
    skippedCells: run.skipped,
    seconds: (performance.now() - started) / 1000,
    peakMemory: run.peakMemory,
    cellPeaks: run.cellPeaks,
  };
}

/** Saves the notebook without outputs and with the reason, so that no older run's is taken for this one's. */
export async function skipNotebook(job: NotebookJob): Promise<NotebookResult> {
  const reason = job.skips.notebook!;
  markSkipped(job.notebook, reason);
  const failure = await saveOnce(job.output, job.notebook);
  if (failure) return { ...unstarted(job), verdict: failure.verdict, failure };
  return { ...unstarted(job), verdict: 'skipped', skipped: reason };
}

/** A file that could not be written is what the run failed of, whatever else there was; that is told with it. */
function unsaved({ failure, saved }: NotebookSaver, other: Failure | undefined): Failure | undefined {
  if (!failure || (saved && other?.verdict !== 'not saved')) return undefined;
  const cause = failure.describe();
  const also = other && other.verdict !== 'not saved' ? `; before that: ${other.ename}: ${other.evalue}` : '';
  return { ...cause, evalue: cause.evalue + also, ...(other?.cell && { cell: other.cell }) };
}

class NotebookRun {
  readonly saver: NotebookSaver;
  ran = 0;
  readonly skipped: NonNullable<NotebookResult['skippedCells']> = [];
  peakMemory: number | undefined;
  readonly cellPeaks = new Map<string, number>();
  /** Ends the run, for a reason that is a StopReason. */
  readonly #stop = new AbortController();

  constructor(
    readonly job: NotebookJob,
    readonly onKernel: () => void,
  ) {
    this.saver = new NotebookSaver(job.output, job.notebook, (failure) => this.#stop.abort(failure));
  }

  async run(): Promise<Failure | undefined> {
    const { signal, limits } = this.job;
    const onAbort = () => this.#stop.abort(new Interrupted());
    signal.addEventListener('abort', onAbort);
    if (signal.aborted) onAbort();
    const timer =
      limits.notebookMs === undefined
        ? undefined
        : setTimeout(
            (reason: TimeLimit) => this.#stop.abort(reason),
            limits.notebookMs,
            new TimeLimit('notebook', limits.notebookMs, '--notebook-timeout'),
          );
    try {
      await this.saver.open();
      return this.#stopped() ?? (await this.#runInKernel());
    } finally {
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
    }
  }

  async #runInKernel(): Promise<Failure | undefined> {
    const { spec, limits, kernels, signal } = this.job;
    const killsBefore = await oomKills();
    let kernel: NotebookKernel;
    try {
      kernel = await kernels.take(this.job, this.#stop.signal);
    } catch (error) {
      return this.#stopped() ?? { verdict: 'dead kernel', ename: nameOf(error), evalue: messageOf(error) };
    }
    this.onKernel();
    const memory = new MemoryWatch(kernel.pid, limits.memory, (used) => {
      this.#stop.abort(new MemoryLimit(used, limits.memory!));
      void kernel.kill();
    });
    const explainDeath = async (error: KernelDiedError) => {
      if (error.exit.signal !== 'SIGKILL') return error;
      const note = describeKill(killsBefore, await oomKills(), memory.peak);
      return new KernelDiedError(kernel.name, error.exit, note);
    };
    try {
      stampKernel(this.job.notebook, spec, kernel);
      return await this.#runCells(kernel, memory, explainDeath);
    } finally {
      memory.stop();
      this.peakMemory = memory.peak;
      if (signal.aborted) await kernel.kill();
      else await kernels.retire(kernel);
    }
  }

  async #runCells(
    kernel: NotebookKernel,
    memory: MemoryWatch,
    explainDeath: (error: KernelDiedError) => Promise<KernelDiedError>,
  ): Promise<Failure | undefined> {
    const { notebook, limits, secrets, signal, onCell } = this.job;
    const router = new MessageRouter(kernel, limits.output, secrets, () => this.saver.changed());
    this.saver.beforeSave = () => router.recordWidgets(notebook);
    onCell(0, codeCells(notebook).length);
    try {
      return this.#stopped() ?? (await this.#runEach(kernel, router, memory, explainDeath));
    } finally {
      // What timers of earlier cells have shown until now is in the file too.
      const limit = sleep(drainLimitMs, undefined, { ref: false });
      if (kernel.running && !signal.aborted) await Promise.race([kernel.drained(), limit]).catch(() => {});
      router.close();
    }
  }

  async #runEach(
    kernel: NotebookKernel,
    router: MessageRouter,
    memory: MemoryWatch,
    explainDeath: (error: KernelDiedError) => Promise<KernelDiedError>,
  ): Promise<Failure | undefined> {
    const { notebook, limits, secrets, onCell } = this.job;
    const total = codeCells(notebook).length;
    for (const [index, cell] of notebook.cells.entries()) {
      const reason = this.job.skips.cells.get(cell.id);
      if (reason !== undefined && cell.cell_type === 'code') {
        this.#skip(cell, index + 1, reason);
        continue;
      }
      cellStarted(cell);
      let failure: Failure | undefined;
      if (cell.cell_type === 'code') {
        router.current = cell;
        const run = { kernel, limits, secrets, stop: this.#stop, explainDeath };
        failure = await runCell(run, cell, index + 1);
        this.ran++;
        await memory.sample();
        if (memory.peak !== undefined) this.cellPeaks.set(cell.id, memory.peak);
        if (!failure) await router.syncWidgets();
      }
      cellEnded(cell, failure !== undefined);
      await this.saver.cellEnded(index + 1);
      onCell(this.ran, total);
      failure ??= this.#stopped(cell, index + 1);
      if (failure) return failure;
    }
    return undefined;
  }

  #skip(cell: CodeCell, number: number, reason: string): void {
    markSkipped(cell, reason);
    cell.outputs = [{ output_type: 'stream', name: 'stderr', text: `This cell was skipped: it ${reason}\n` }];
    this.skipped.push({ number, id: cell.id, reason });
  }

  /** Why no further cell is run, after this one. */
  #stopped(cell?: Cell, number = 0): Failure | undefined {
    const { reason } = this.#stop.signal;
    if (!(reason instanceof StopReason)) return undefined;
    return { ...reason.describe('interrupted'), ...(cell && { cell: placeOf(cell, number) }) };
  }
}

/** How long what a kernel has published may take to arrive before the kernel is ended. */
const drainLimitMs = 1_000;

/** @param number of the cell in the notebook, from 1, cells of text counted too */
function placeOf(cell: Cell, number: number): NonNullable<Failure['cell']> {
  const executionCount = cell.cell_type === 'code' ? cell.execution_count : null;
  return { number, id: cell.id, executionCount };
}

/** The file says which kernel really ran it, as nbclient's do. */
function stampKernel(notebook: Notebook, spec: KernelSpec, kernel: NotebookKernel): void {
  // Not every kernel tells its language; the format wants a name of it.
  const told: { name?: string } | null | undefined = kernel.info.language_info;
  const name = told?.name || spec.language;
  notebook.metadata.kernelspec = {
    name: spec.name,
    display_name: spec.displayName,
    language: spec.language || name,
  };
  notebook.metadata.language_info = { ...told, name };
}

function nameOf(error: unknown): string {
  return error instanceof Error ? error.name : 'Error';
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
