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

/** Calls `run` once for each index of `past`; rejects with its first rejection. */
export async function runScheduled(
  { jobs, memoryCap, past }: ScheduleOptions,
  run: (index: number) => Promise<void>,
): Promise<void> {
  const waiting = order(past, jobs);
  const running = new Map<number, Promise<void>>();
  // A notebook of which nothing is known may be as large as the largest that is known.
  const largest = Math.max(0, ...past.map((one) => one?.peakMemory ?? 0));
  const need = (index: number) => past[index]?.peakMemory ?? largest;
  const fits = (index: number) => {
    if (memoryCap === undefined || running.size === 0) return true;
    return [...running.keys(), index].reduce((sum, one) => sum + need(one), 0) <= memoryCap;
  };
  while (waiting.length > 0 || running.size > 0) {
    while (running.size < jobs) {
      const at = waiting.findIndex(fits);
      if (at < 0) break;
      const [index] = waiting.splice(at, 1);
      running.set(
        index!,
        run(index!).finally(() => running.delete(index!)),
      );
    }
    await Promise.race(running.values());
  }
}

/** One at a time they keep their order: no other is faster. Those never run before may be long, and go first. */
function order(past: readonly (PastRun | undefined)[], jobs: number): number[] {
  const indices = past.map((_, index) => index);
  if (jobs === 1) return indices;
  const seconds = (index: number) => past[index]?.seconds ?? Number.MAX_VALUE;
  return indices.sort((a, b) => seconds(b) - seconds(a) || a - b);
}
