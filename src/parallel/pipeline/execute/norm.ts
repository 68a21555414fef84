/** The norm of all gradients of a model whose parameters are spread over ranks. */
import { read } from '../../../compute/read.js';
import type { tf } from '../../../compute/tf.js';
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
  const own = Float64Array.of(0);
  for (const [name, gradient] of gradients)
    if (!elsewhere.has(name)) for (const value of await read(gradient)) own[0]! += value * value;
  const all = await comm.allGather(new Int32Array(own.buffer));
  return Math.sqrt(new Float64Array(all.buffer).reduce((sum, square) => sum + square, 0));
}
