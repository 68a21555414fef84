/** The options of `kernelbook run` for regression. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import type { RegressionOptions } from './regression.js';

export interface RegressionCommandOptions {
  /** False for `--no-golden`. */
  golden?: boolean;
  update?: boolean;
  maxSeconds?: number;
}

export function addRegressionOptions(command: Command): void {
  command
    .option('--no-golden', 'do not compare with the golden outputs beside the notebooks')
    .addOption(
      new Option('--update', 'rewrite the golden outputs of the notebooks that pass').conflicts('golden'),
    )
    .option('--max-seconds <seconds>', 'fail a notebook that has taken longer when it ends', seconds);
}

export function regressionOptions(options: RegressionCommandOptions): RegressionOptions {
  const { golden = true, update = false, maxSeconds } = options;
  return {
    golden: update ? 'update' : golden ? 'compare' : 'off',
    budgets: maxSeconds === undefined ? {} : { maxSeconds },
  };
}

function seconds(word: string): number {
  const value = Number(word);
  if (!(value > 0)) throw new InvalidArgumentError('Give a number of seconds above 0.');
  return value;
}
