/**
 * Dropout where ranks hold the same and where they hold different activations. Masks on what all ranks have must be equal, or the
 * copies drift apart; masks on slices must differ, or the slices lose the same places (Shoeybi et al. 2019, arXiv:1909.08053,
 * section 5: two random number generators).
 */
import { seededUniform } from '../../compute/random.js';
import { tf } from '../../compute/tf.js';
import type { Tape, Value } from '../tape/index.js';
import { isSplit, type TensorGroup } from './region.js';

export type Held = 'replicated' | 'split';

/**
 * The seed of this rank. Between the regions activations are replicated, under sequence parallelism split; inside a region they
 * are split (the weights of attention, the hidden features).
 */
export function dropoutSeed(seed: number, group: TensorGroup, held: Held): number {
  return held === 'split' && isSplit(group) ? Math.imul(seed, 65_537) + group.comm!.rank + 1 : seed;
}

/**
 * Zero with probability `rate`, else divided by 1 − rate, so that the mean stays (Srivastava et al. 2014).
 * @throws RangeError when the rate is not in [0, 1)
 */
export function dropout(tape: Tape, x: Value, rate: number, seed: number): Value {
  if (!(rate >= 0 && rate < 1)) throw new RangeError(`dropout: the rate must be in [0, 1), got ${rate}`);
  if (rate === 0) return x;
  const uniform = seededUniform(seed);
  const mask = Float32Array.from({ length: x.tensor.size }, () => (uniform() < rate ? 0 : 1 / (1 - rate)));
  return tape.local('dropout', (a) => tf.mul(a!, tf.tensor(mask, a!.shape)), x);
}
