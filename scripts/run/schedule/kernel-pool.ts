/**
 * The kernels of a run: each notebook gets one of its own, in which nothing has run. Those that the next notebooks will
 * ask for are started ahead, and a kernel whose notebook is done ends while the next one runs already.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { observedVariable } from '../../../kernel/evaluator/observed/observation.js';
import { type KernelSpec, ownName } from '../../../kernel/kernelspec.js';
import { aheadVariable } from '../../../kernel/language/cell-ahead.js';
import type { NotebookKernel, StartKernel } from '../notebook-kernel.js';

/** What makes a kernel right for a notebook. */
export interface KernelSetting {
  spec: KernelSpec;
  /** The kernel's working folder. */
  cwd: string;
  env: NodeJS.ProcessEnv;
  /** The file where the kernel finds what was said of its cells already. */
  checkedCells?: string | undefined;
  /** The file in which the kernel writes down what its notebook reaches. */
  observed?: string | undefined;
}

export interface PoolOptions {
  start: StartKernel;
  startTimeoutMs: number;
  /** How many kernels may be ending while others run. */
  mostEnding: number;
  /** Told of a kernel that could not be ended. */
  onFault: (line: string) => void;
}

interface WarmKernel {
  name: string;
  setting: string;
  started: Promise<NotebookKernel>;
  /** Ends a start that is under way. */
  abort: AbortController;
  /** Its start failed before any notebook asked for it. */
  failed: boolean;
}

const warmUpLimitMs = 30_000;

export class KernelPool {
  readonly #options: PoolOptions;
  #warm: WarmKernel[] = [];
  readonly #ending = new Set<Promise<void>>();

  constructor(options: PoolOptions) {
    this.#options = options;
  }

  /** Starts what is missing of the kernels that will be asked for next, and ends those that will not. */
  expect(wanted: readonly KernelSetting[]): void {
    const unwanted = [...this.#warm];
    for (const setting of wanted) {
      const key = keyOf(setting);
      const there = unwanted.findIndex((warm) => warm.setting === key);
      if (there >= 0) unwanted.splice(there, 1);
      else this.#warm.push(this.#startAhead(setting, key));
    }
    for (const warm of unwanted) this.#dismiss(warm);
  }

  /**
   * A kernel that is ready for code. Rejects with what was wrong, or with the signal's reason. One that was started ahead
   * and failed or died before it was asked for is replaced.
   */
  async take(setting: KernelSetting, signal: AbortSignal): Promise<NotebookKernel> {
    const key = keyOf(setting);
    const warm = this.#warm.find((one) => one.setting === key);
    if (warm) {
      this.#warm = this.#warm.filter((one) => one !== warm);
      const kernel = warm.failed ? undefined : await withSignal(warm, signal);
      if (kernel?.running) return kernel;
      // What is left of a dead one, a connection that is tried again and again for instance, goes as well.
      if (kernel) this.#end(warm.name, kernel.kill());
    }
    return this.#start(setting, signal);
  }

  /** Ends a kernel politely. Resolves at once, unless too many are ending already. */
  async retire(kernel: NotebookKernel): Promise<void> {
    this.#end(kernel.name, kernel.shutdown());
    while (this.#ending.size > this.#options.mostEnding) await Promise.race(this.#ending);
  }

  /** Resolves when every kernel has ended that was started ahead and not used, or retired. */
  async close(): Promise<void> {
    this.expect([]);
    await Promise.all(this.#ending);
  }

  #startAhead(setting: KernelSetting, key: string): WarmKernel {
    const abort = new AbortController();
    const warm: WarmKernel = {
      name: setting.spec.name,
      setting: key,
      started: this.#start(setting, abort.signal),
      abort,
      failed: false,
    };
    warm.started.catch(() => {
      warm.failed = true;
    });
    return warm;
  }

  async #start(setting: KernelSetting, signal: AbortSignal): Promise<NotebookKernel> {
    const { start, startTimeoutMs } = this.#options;
    const { spec, cwd, checkedCells, observed } = setting;
    const env = {
      ...setting.env,
      ...(checkedCells !== undefined && { [aheadVariable]: checkedCells }),
      ...(observed !== undefined && { [observedVariable]: observed }),
    };
    const kernel = await start(spec, { cwd, env, startTimeoutMs, signal });
    if (checkedCells === undefined) await warmUp(kernel, signal);
    return kernel;
  }

  #dismiss(warm: WarmKernel): void {
    this.#warm = this.#warm.filter((one) => one !== warm);
    warm.abort.abort(new Error('the kernel was started ahead and is not needed'));
    const killed = warm.started.then(
      (kernel) => kernel.kill(),
      () => {}, // the start was given up, or had failed
    );
    this.#end(warm.name, killed);
  }

  #end(name: string, end: Promise<void>): void {
    const ended = end
      .catch((error: unknown) => {
        const why = error instanceof Error ? error.message : String(error);
        this.#options.onFault(`a kernel ${name} could not be ended: ${why}`);
      })
      .finally(() => this.#ending.delete(ended));
    this.#ending.add(ended);
  }
}

function keyOf({ spec, cwd, env, checkedCells, observed }: KernelSetting): string {
  return JSON.stringify([spec.name, spec.argv, cwd, env, checkedCells, observed]);
}

async function withSignal({ started, abort }: WarmKernel, signal: AbortSignal): Promise<NotebookKernel> {
  const giveUp = () => abort.abort(signal.reason);
  signal.addEventListener('abort', giveUp);
  if (signal.aborted) giveUp();
  try {
    return await started;
  } finally {
    signal.removeEventListener('abort', giveUp);
  }
}

/**
 * Our kernel answers before it can run code: its checker starts meanwhile. That time is no cell's, neither in the record
 * nor against the timeout, so we wait for an answer that the checker gives. Others have no such second start.
 */
async function warmUp(kernel: NotebookKernel, signal: AbortSignal): Promise<void> {
  if (kernel.info.implementation !== ownName) return;
  const limit = sleep(warmUpLimitMs, undefined, { signal, ref: false });
  await Promise.race([kernel.isComplete(''), limit]).catch(() => {});
}
