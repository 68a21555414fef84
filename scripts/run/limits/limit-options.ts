/** The options of the command line that limit a run, and what they mean. */
import { type Command, InvalidArgumentError } from 'commander';
import { formatBytes, parseBytes } from '../bytes.js';
import { defaultLimits, type RunLimits } from './limits.js';

export interface LimitOptions {
  timeout: number;
  notebookTimeout?: number;
  startTimeout?: number;
  grace?: number;
  maxMemory?: number;
  maxOutput?: number;
}

export function addLimitOptions(command: Command): Command {
  const { startMs, graceMs, output } = defaultLimits;
  return command
    .option('-t, --timeout <seconds>', 'longest time for one cell, 0 for no limit', seconds, 600)
    .option('--notebook-timeout <seconds>', 'longest time for one notebook, with its kernel’s start', seconds)
    .option('--start-timeout <seconds>', 'longest time until a kernel answers', seconds, startMs / 1000)
    .option(
      '--grace <seconds>',
      'how long an interrupted cell may take to end until its kernel is killed',
      seconds,
      graceMs / 1000,
    )
    .option('--max-memory <size>', 'most memory of one kernel with its child processes, as 2GiB', size)
    .option(
      '--max-output <size>',
      `most that a cell's outputs may take in the file (default: ${formatBytes(output)})`,
      size,
    );
}

export function limitsOf(options: LimitOptions): RunLimits {
  return {
    cellMs: milliseconds(options.timeout),
    notebookMs: milliseconds(options.notebookTimeout),
    startMs: milliseconds(options.startTimeout) ?? defaultLimits.startMs,
    graceMs: options.grace === undefined ? defaultLimits.graceMs : options.grace * 1000,
    memory: options.maxMemory,
    output: options.maxOutput ?? defaultLimits.output,
  };
}

function milliseconds(value: number | undefined): number | undefined {
  return value === undefined || value === 0 ? undefined : value * 1000;
}

function seconds(word: string): number {
  const value = Number(word);
  if (word.trim() === '' || !(value >= 0 && value <= 1e6))
    throw new InvalidArgumentError('Give a number of seconds.');
  return value;
}

export function size(word: string): number {
  const value = parseBytes(word);
  if (!value) throw new InvalidArgumentError('Give a size with its unit, as 512MiB or 2GiB.');
  return value;
}
