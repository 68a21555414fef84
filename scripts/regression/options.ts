/** The options of `kernelbook run` for regression. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import type { RegressionOptions } from './regression.js';
import { parseSize } from './settings.js';

export interface RegressionCommandOptions {
  /** false by `--no-golden`. */
  golden: boolean;
  update?: boolean;
  maxSeconds?: number;
  maxMemory?: number;
  results?: string;
}

export function addRegressionOptions(command: Command): void {
  command
    .option('--no-golden', 'do not compare with the golden outputs beside the notebooks')
    .addOption(
      new Option('--update', 'rewrite the golden outputs of the notebooks that pass').conflicts('golden'),
    )
    .option('--max-seconds <seconds>', 'fail a notebook that takes longer', positive)
    .option('--max-memory <size>', 'fail a notebook whose kernel takes more, such as 2GiB', bytes)
    .option('--results <file>', 'write checks, profiles, differences and budgets as JSON');
}

export function regressionOptions(options: Partial<RegressionCommandOptions>): RegressionOptions {
  const { golden = true, update = false, maxSeconds, maxMemory } = options;
  return {
    golden: update ? 'update' : golden ? 'compare' : 'off',
    budgets: {
      ...(maxSeconds !== undefined && { maxSeconds }),
      ...(maxMemory !== undefined && { maxMemory }),
    },
  };
}

function positive(word: string): number {
  const value = Number(word);
  if (!(value > 0)) throw new InvalidArgumentError('Give a number of seconds above 0.');
  return value;
}

function bytes(word: string): number {
  const size = parseSize(word);
  if (size === undefined) throw new InvalidArgumentError('Give a size, such as 512MiB or 2GiB.');
  return size;
}
