/** The norm of all gradients of a model whose parameters are spread over ranks. */
import { read } from '../../../compute/read.js';
import type { tf } from '../../../compute/tf.js';
import { squaredNorm, sumOverRanks } from '../../data-parallel/index.js';
import type { Pipeline } from './pipeline.js';

/**
 * The Euclidean norm over all parameters of all stages, the same on every rank; all of them must call it. Sums in float64; a tied parameter
 * counts once, on the first of its ranks: counted on each of them it would make the norm, and with it what clipping does, too large.
 */
export async function pipelineNorm(
  { comm, tied }: Pipeline<never>,
  gradients: ReadonlyMap<string, tf.Tensor>,
): Promise<number> {
  const elsewhere = new Set(tied.filter(({ ranks }) => ranks[0] !== comm.rank).flatMap(({ names }) => names));
  let own = 0;
  for (const [name, gradient] of gradients)
    if (!elsewhere.has(name)) own += squaredNorm((await read(gradient)) as Float32Array);
  return Math.sqrt(await sumOverRanks(comm, own));
}
