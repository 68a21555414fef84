/**
 * `--shard i/n`: the notebooks divided among n runs, on as many machines. Every notebook must fall to exactly one of
 * them, so what decides is the same on all machines: the names, and durations only from a file that all were given,
 * never what one machine remembers.
 */
import { readFile } from 'node:fs/promises';
import { isObject } from '../../notebook/format.js';
import { UsageError } from '../parameters/parameters.js';

export interface Shard {
  /** From 1. */
  index: number;
  count: number;
  /** Seconds by notebook name; empty for shards of equal numbers. */
  durations: ReadonlyMap<string, number>;
}

/** Which of the names fall to the shard: each, the longest first, to the one with least to do so far. */
export function inShard(names: readonly string[], { index, count, durations }: Shard): Set<string> {
  const known = [...durations.values()];
  const mean = known.length === 0 ? 1 : known.reduce((sum, one) => sum + one, 0) / known.length;
  const seconds = (name: string) => durations.get(name) ?? mean;
  const byLength = [...names].sort((a, b) => seconds(b) - seconds(a) || (a < b ? -1 : a > b ? 1 : 0));
  const loads = Array.from({ length: count }, () => 0);
  const mine = new Set<string>();
  for (const name of byLength) {
    const least = loads.indexOf(Math.min(...loads));
    loads[least]! += seconds(name);
    if (least === index - 1) mine.add(name);
  }
  return mine;
}

/** The durations in a file that `--results` wrote. @throws UsageError */
export async function readDurations(file: string): Promise<Map<string, number>> {
  const refuse = (why: string): never => {
    throw new UsageError(`${file}: ${why}; --durations needs a file written by --results`);
  };
  let parsed: unknown;
  try {
    parsed = JSON.parse(await readFile(file, 'utf8'));
  } catch (error) {
    refuse((error as NodeJS.ErrnoException).code === 'ENOENT' ? 'no such file' : 'not readable as JSON');
  }
  const { notebooks } = isObject(parsed) ? parsed : {};
  if (!Array.isArray(notebooks)) return refuse('it has no list of notebooks');
  return new Map(
    notebooks.flatMap((one: unknown): [string, number][] => {
      if (!isObject(one) || typeof one.notebook !== 'string') return [];
      const { seconds } = isObject(one.cached) ? one.cached : one;
      // One that was kept or skipped tells nothing.
      return typeof seconds === 'number' && seconds > 0 ? [[one.notebook, seconds]] : [];
    }),
  );
}
