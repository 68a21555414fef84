/** RMSNorm between the regions: on the whole sequence, or under sequence parallelism on this rank's part of it. */
import { type RmsNormOptions, rmsNorm } from '../../layers/norm/rms-norm.js';
import type { Tape, Value } from '../tape/index.js';
import { partial } from './linear.js';
import type { TensorGroup } from './region.js';

/**
 * @param x [B,T,C], or [B,T/n,C] under sequence parallelism, where the gradient of the gain is summed over the ranks: each has
 *   seen its own tokens (Korthikanti et al. 2022, arXiv:2205.05198)
 * @param gain [C], on all ranks
 */
export async function parallelRmsNorm(
  tape: Tape,
  group: TensorGroup,
  x: Value,
  gain: Value,
  options: RmsNormOptions,
): Promise<Value> {
  const own = await partial(tape, group, gain);
  return tape.local('rmsNorm', (a, g) => rmsNorm(a!, g!, options), x, own);
}
