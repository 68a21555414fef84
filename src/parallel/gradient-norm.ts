/** The global gradient norm: every number of the model once, wherever it lies. */
import { read } from '../compute/read.js';
import type { tf } from '../compute/tf.js';
import type { Communicator } from './communicator/index.js';
import { squaredNorm, sumOverRanks } from './data-parallel/index.js';

export interface CountedGradient {
  /** Absent: zeros. */
  gradient: tf.Tensor | undefined;
  /** Of equal copies on several ranks one counts; slices all do. */
  counts: boolean;
}

/**
 * The square root of the sum of squares over the ranks of all groups, one group after the other; the same on all ranks. Sums in
 * float64.
 * @param groups over which parameters are divided or copied and counted once: tensor, expert, pipeline, shards of ZeRO
 */
export async function gradientNorm(
  gradients: Iterable<CountedGradient>,
  groups: readonly (Communicator | undefined)[],
): Promise<number> {
  let own = 0;
  for (const { gradient, counts } of gradients) {
    if (!gradient || !counts) continue;
    own += squaredNorm((await read(gradient)) as Float32Array);
  }
  for (const comm of groups) if (comm && comm.size > 1) own = await sumOverRanks(comm, own);
  return Math.sqrt(own);
}
