/** The reasons for which the runner stops a running cell, as one signal: the user's Ctrl-C or a limit in time. */

/** A limit in time that was reached; the reason of the signal that stops the cell. */
export class TimeLimit {
  constructor(
    readonly of: 'cell' | 'notebook',
    readonly ms: number,
  ) {}

  /** @param killed the interrupt was not enough */
  describe(killed: boolean): { ename: string; evalue: string } {
    return {
      ename: this.of === 'cell' ? 'KernelTimeoutError' : 'NotebookTimeoutError',
      evalue: `the ${this.of} did not finish within ${this.ms / 1000} s and was interrupted${killed ? '; the kernel did not answer the interrupt and was killed' : ''}`,
    };
  }
}

/** A signal that aborts with the limit as its reason unless `release` is called before. */
export function startLimit(limit: TimeLimit | undefined): { signal: AbortSignal; release: () => void } {
  const controller = new AbortController();
  const timer = limit && setTimeout(() => controller.abort(limit), limit.ms);
  return { signal: controller.signal, release: () => clearTimeout(timer) };
}
