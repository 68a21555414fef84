/** Linear layers of which each rank holds a slice (Shoeybi et al. 2019, arXiv:1909.08053, section 3). Weights are [out, in]. */
import { tf } from '../../compute/tf.js';
import { linear } from '../../layers/linear/linear.js';
import type { Tape, Value } from '../tape/index.js';
import { copyTo, isSplit, leaveRegion, type TensorGroup } from './region.js';

/**
 * Some of the outputs: x [B,T,in] within a region (see `enterRegion`, once for all layers that take the same x), weight [out/n,in],
 * bias [out/n] -> [B,T,out/n].
 */
export function columnLinear(tape: Tape, x: Value, weight: Value, bias?: Value): Value {
  if (!bias) return tape.local('columnLinear', (a, w) => linear(a!, w!), x, weight);
  return tape.local('columnLinear', (a, w, b) => linear(a!, w!, b), x, weight, bias);
}

/**
 * Some of the inputs: x [B,T,in/n], weight [out,in/n] -> the sum over the ranks, out of the region; then the bias [out], once.
 * Under sequence parallelism a rank adds the bias to its part of the sequence only, so that the bias's gradient is summed as well.
 */
export async function rowLinear(
  tape: Tape,
  group: TensorGroup,
  x: Value,
  weight: Value,
  bias?: Value,
): Promise<Value> {
  const part = tape.local('rowLinear', (a, w) => linear(a!, w!), x, weight);
  const sum = await leaveRegion(tape, part, group);
  if (!bias) return sum;
  return tape.local('bias', (a, b) => tf.add(a!, b!), sum, await partial(tape, group, bias));
}

/** A weight that is used on this rank's part of the sequence, where there are such parts: its gradient is summed over the ranks. */
export async function partial(tape: Tape, group: TensorGroup, weight: Value): Promise<Value> {
  return group.sequenceParallel && isSplit(group) ? tape.apply(copyTo(group.comm!), weight) : weight;
}
