/**
 * Which notebook runs when. With several at once the longest goes first, so that none is left over at the end; with
 * a memory cap one waits while the peaks of those that run and its own, as last measured, would not fit together.
 */
import type { PastRun } from './history.js';

export interface ScheduleOptions {
  /** How many run at once. */
  jobs: number;
  /** Bytes for the kernels that run at once; undefined for no cap. */
  memoryCap: number | undefined;
  /** The last run of each notebook, where it is known. */
  past: readonly (PastRun | undefined)[];
}

export class Schedule {
  readonly #options: ScheduleOptions;
  readonly #waiting: number[];
  readonly #running = new Map<number, Promise<void>>();
  /** A notebook of which nothing is known may be as large as the largest that is known. */
  readonly #largest: number;

  constructor(options: ScheduleOptions) {
    this.#options = options;
    this.#waiting = order(options.past, options.jobs);
    this.#largest = Math.max(0, ...options.past.map((one) => one?.peakMemory ?? 0));
  }

  get running(): number[] {
    return [...this.#running.keys()];
  }

  /** Those to start next beside those that run, as far as memory allows: of the ones that match, `count` at most. */
  next(count: number, matches: (index: number) => boolean): number[] {
    const next: number[] = [];
    for (const index of this.#waiting) {
      if (next.length >= count) break;
      if (matches(index) && this.#fits(index, [...this.running, ...next])) next.push(index);
    }
    return next;
  }

  /** Calls `run` once for each index of `past`; rejects with its first rejection. */
  async run(run: (index: number) => Promise<void>): Promise<void> {
    const running = this.#running;
    while (this.#waiting.length > 0 || running.size > 0) {
      while (running.size < this.#options.jobs) {
        const at = this.#waiting.findIndex((index) => this.#fits(index, this.running));
        if (at < 0) break;
        const index = this.#waiting.splice(at, 1)[0]!;
        running.set(
          index,
          run(index).finally(() => running.delete(index)),
        );
      }
      await Promise.race(running.values());
    }
  }

  #fits(index: number, beside: readonly number[]): boolean {
    const { memoryCap, past } = this.#options;
    if (memoryCap === undefined || beside.length === 0) return true;
    const need = (one: number) => past[one]?.peakMemory ?? this.#largest;
    return [...beside, index].reduce((sum, one) => sum + need(one), 0) <= memoryCap;
  }
}

/** One at a time they keep their order: no other is faster. Those never run before may be long, and go first. */
function order(past: readonly (PastRun | undefined)[], jobs: number): number[] {
  const indices = past.map((_, index) => index);
  if (jobs === 1) return indices;
  const seconds = (index: number) => past[index]?.seconds ?? Number.MAX_VALUE;
  return indices.sort((a, b) => seconds(b) - seconds(a) || a - b);
}
