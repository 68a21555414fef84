/**
 * A kernel in which cells of a notebook run as they stand or changed, in any order: before a cell runs, those that give
 * it its names run again where a change, or a later cell that gave the same name, has come between. What nothing
 * depends on never runs, and nothing is run again without need.
 */
import type { KernelSpec } from '../../../kernel/kernelspec.js';
import type { CodeCell } from '../../notebook/format.js';
import { defaultLimits } from '../../run/limits/limits.js';
import { residentMemory } from '../../run/limits/memory-watch.js';
import { Interrupted } from '../../run/limits/stop-reasons.js';
import { MessageRouter } from '../../run/message-router.js';
import { localKernels, type NotebookKernel } from '../../run/notebook-kernel.js';
import { noSecrets } from '../../run/parameters/secrets.js';
import type { Failure } from '../../run/result.js';
import { runCell } from '../../run/run-cell.js';
import type { AuditedCell } from '../cells/cell.js';
import type { Dependencies } from '../cells/dependencies.js';
import { limitProgress } from './progress-limit.js';

export interface SessionSetting {
  spec: KernelSpec;
  cwd: string;
  env: NodeJS.ProcessEnv;
  /** Run first in each kernel: what mutated cells call. */
  helper: string;
  signal: AbortSignal;
}

/** The notebook with one cell changed, or as it stands. */
export interface Version {
  stamp: string;
  /** The cell that is changed, and its source. */
  changed: { cell: number; source: string } | undefined;
  /** The cells that come out otherwise. */
  affected: ReadonlySet<number>;
}

export const original: Version = { stamp: 'original', changed: undefined, affected: new Set() };

export interface Outcome {
  /** The cell that ran last: the one asked for, or one before it that failed. */
  cell: number;
  failure: Failure | undefined;
  executed: CodeCell;
}

/** Kernels keep what is never disposed of; beyond this one is ended and another started. */
const mostMemory = 2.5 * 2 ** 30;
/** Processor time that a changed cell may use, as a multiple of the time the original took. */
const patience = { times: 20, seconds: 30 };

export class CellSession {
  #kernel: NotebookKernel | undefined;
  #router: MessageRouter | undefined;
  /** The version each cell last ran in, and the cell that last gave each name its value. */
  readonly #ran = new Map<number, string>();
  readonly #holders = new Map<string, number>();

  constructor(
    readonly cells: readonly AuditedCell[],
    readonly dependencies: Dependencies,
    readonly setting: SessionSetting,
  ) {}

  /** Runs a cell of a version after all it needs. A cell that fails on the way is the outcome. */
  async run(cell: number, version: Version): Promise<Outcome> {
    await this.#keepKernel();
    return this.#run(cell, version);
  }

  async #run(cell: number, version: Version): Promise<Outcome> {
    const needed = [...this.dependencies.providers[cell]!].sort(([, one], [, other]) => one - other);
    // A cell that is run again gives all its names anew, also those that another one was to give.
    for (let round = 0; round < 3; round++) {
      const missing = needed.filter(([name, provider]) => !this.#holds(name, provider, version));
      if (missing.length === 0) break;
      for (const [name, provider] of missing) {
        if (this.#holds(name, provider, version)) continue;
        const outcome = await this.#run(provider, version);
        if (outcome.failure) return outcome;
      }
    }
    return this.#execute(cell, version);
  }

  #holds(name: string, provider: number, version: Version): boolean {
    return this.#ran.get(provider) === stampOf(provider, version) && this.#holders.get(name) === provider;
  }

  async #execute(n: number, version: Version): Promise<Outcome> {
    const { cell, number, analysis } = this.cells[n]!;
    const source = version.changed?.cell === n ? version.changed.source : cell.source;
    const executed: CodeCell = { ...cell, source, outputs: [], execution_count: null };
    this.#ran.set(n, 'under way');
    for (const name of analysis.writes) this.#holders.set(name, n);
    const failure = await this.#runCell(executed, number, secondsOf(cell));
    // What failed half-way is not what any version left behind.
    if (!failure) this.#ran.set(n, stampOf(n, version));
    return { cell: n, failure, executed };
  }

  async #runCell(cell: CodeCell, number: number, seconds: number): Promise<Failure | undefined> {
    const kernel = this.#kernel!;
    const router = this.#router!;
    const { signal } = this.setting;
    const stop = new AbortController();
    const interrupt = () => stop.abort(new Interrupted());
    signal.addEventListener('abort', interrupt);
    if (signal.aborted) interrupt();
    const most = patience.times * seconds + patience.seconds;
    const endWatch = limitProgress(kernel.pid, most, (reason) => stop.abort(reason));
    router.current = cell;
    try {
      const limits = { ...defaultLimits, cellMs: undefined };
      const run = { kernel, limits, secrets: noSecrets, stop, explainDeath: async <T>(error: T) => error };
      return await runCell(run, cell, number);
    } finally {
      endWatch();
      signal.removeEventListener('abort', interrupt);
    }
  }

  /** Begins anew: nothing has run. */
  async restart(): Promise<void> {
    await this.close();
    const { spec, cwd, env, signal, helper } = this.setting;
    this.#kernel = await localKernels.start(spec, {
      cwd,
      env,
      startTimeoutMs: defaultLimits.startMs,
      signal,
    });
    this.#router = new MessageRouter(this.#kernel, defaultLimits.output, noSecrets, () => {});
    const cell = helperCell(helper);
    const failure = await this.#runCell(cell, 0, 0);
    if (failure)
      throw new Error(
        `${spec.name} does not run what mutated cells call: ${failure.ename}: ${failure.evalue}`,
      );
  }

  async #keepKernel(): Promise<void> {
    const kernel = this.#kernel;
    const isFull =
      kernel?.running && kernel.pid !== undefined && (await residentMemory(kernel.pid)) > mostMemory;
    if (!kernel?.running || isFull) await this.restart();
  }

  async close(): Promise<void> {
    this.#router?.close();
    const kernel = this.#kernel;
    this.#kernel = undefined;
    this.#ran.clear();
    this.#holders.clear();
    if (!kernel?.running) return;
    if (this.setting.signal.aborted) await kernel.kill();
    else await kernel.shutdown();
  }
}

function stampOf(cell: number, { stamp, changed, affected }: Version): string {
  return changed?.cell === cell || affected.has(cell) ? stamp : original.stamp;
}

function helperCell(source: string): CodeCell {
  return { cell_type: 'code', id: 'helper', metadata: {}, source, outputs: [], execution_count: null };
}

/** How long a cell took when the notebook was executed; 0 where that is not known. */
export function secondsOf({ metadata }: CodeCell): number {
  const record = metadata.papermill as { duration?: unknown } | undefined;
  return typeof record?.duration === 'number' ? record.duration : 0;
}
