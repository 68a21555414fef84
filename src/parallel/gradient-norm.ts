/** The global gradient norm: every number of the model once, wherever it lies. */
import { read } from '../compute/read.js';
import type { tf } from '../compute/tf.js';
import type { Communicator } from './communicator/index.js';

export interface CountedGradient {
  /** Absent: zeros. */
  gradient: tf.Tensor | undefined;
  /** Of equal copies on several ranks one counts; slices all do. */
  counts: boolean;
}

/**
 * The square root of the sum of squares over the ranks of all groups, one group after the other; the same on all ranks.
 * @param groups over which parameters are divided or copied and counted once: tensor, expert, pipeline, shards of ZeRO
 */
export async function gradientNorm(
  gradients: Iterable<CountedGradient>,
  groups: readonly (Communicator | undefined)[],
): Promise<number> {
  let own = 0;
  for (const { gradient, counts } of gradients) {
    if (!gradient || !counts) continue;
    for (const value of await read(gradient)) own += value * value;
  }
  let sum = Float32Array.of(own);
  for (const comm of groups) if (comm && comm.size > 1) sum = await comm.allReduce(sum);
  return Math.sqrt(sum[0]!);
}
