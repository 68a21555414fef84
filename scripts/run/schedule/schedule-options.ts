/** The options of the command line that say which notebooks run at once, and which of them here. */
import { availableParallelism } from 'node:os';
import { type Command, InvalidArgumentError } from 'commander';
import { size } from '../limits/limit-options.js';
import type { Shard } from './shard.js';

export interface ScheduleCommandOptions {
  jobs: number;
  warmKernels?: number;
  memoryCap?: number;
  shard?: Pick<Shard, 'index' | 'count'>;
  durations?: string;
}

export function addScheduleOptions(command: Command): Command {
  return command
    .option(
      '-j, --jobs <number>',
      'how many notebooks run at once; auto: one per core, at most as many as fit --memory-cap',
      jobs,
      1,
    )
    .option(
      '--warm-kernels <number>',
      'how many kernels are started ahead of their notebooks; 0 where nothing may disturb what notebooks measure (default: one for each job and free core, at least 1)',
      warmKernels,
    )
    .option(
      '--memory-cap <size>',
      'start no notebook while its last peak and those of the running ones exceed this, as 8GiB',
      size,
    )
    .option(
      '--shard <i/n>',
      'run only the i-th of n parts of the notebooks; together the parts are all',
      shard,
    )
    .option(
      '--durations <file>',
      'balance the parts by the times in this file of --results, the same for all',
    );
}

/** @throws UsageError for a file of durations that is none */
export async function shardOf({ shard, durations }: ScheduleCommandOptions): Promise<Shard | undefined> {
  const { readDurations } = await import('./shard.js');
  const { UsageError } = await import('../parameters/parameters.js');
  if (!shard) {
    if (durations !== undefined) throw new UsageError('--durations is for --shard; give both');
    return undefined;
  }
  return { ...shard, durations: durations === undefined ? new Map() : await readDurations(durations) };
}

/** A core that no notebook uses is free to start the next one's kernel; on the others a start takes time from them. */
export function warmKernelsOf({ jobs, warmKernels }: ScheduleCommandOptions): number {
  return warmKernels ?? Math.max(1, Math.min(jobs, availableParallelism() - jobs));
}

function warmKernels(word: string): number {
  const value = Number(word);
  if (!Number.isInteger(value) || value < 0 || word.trim() === '')
    throw new InvalidArgumentError('Give a whole number, 0 or more.');
  return value;
}

function jobs(word: string): number {
  if (word === 'auto') return availableParallelism();
  const value = Number(word);
  if (!Number.isInteger(value) || value < 1)
    throw new InvalidArgumentError('Give a whole number, 1 or more, or auto.');
  return value;
}

function shard(word: string): Pick<Shard, 'index' | 'count'> {
  const [index, count] = (/^(\d{1,6})\/(\d{1,6})$/.exec(word) ?? []).slice(1).map(Number);
  if (index === undefined || count === undefined || index < 1 || index > count)
    throw new InvalidArgumentError('Give the part and how many there are, as 1/4 to 4/4.');
  return { index, count };
}
