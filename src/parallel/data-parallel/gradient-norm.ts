/** The norm of all gradients of a model, wherever they lie, and clipping by it (Pascanu et al. 2013, arXiv:1211.5063). */
import type { Communicator } from '../communicator/index.js';
import { numbersOfRanks, sumOverRanks } from './numbers-of-ranks.js';

/** Ranks that hold other parameters of the same model: tensor shards, stages of a pipeline, experts. */
export interface OtherParameters {
  comm: Communicator;
  /** Whether this parameter differs between them; one that is the same on all of them counts once. Default: all differ. */
  isSharded?(name: string): boolean;
}

/** In float64. */
export function squaredNorm(values: Float32Array): number {
  let sum = 0;
  for (const value of values) sum += value * value;
  return sum;
}

/**
 * @param squares by name, of the gradients of this rank
 * @param where `shards`: ranks that hold other parts of the same parameters; `others`: ranks that hold other parameters
 * @returns the root of the sum over all of them
 */
export async function globalNorm(
  squares: Iterable<readonly [string, number]>,
  { shards, others }: { shards?: Communicator | undefined; others?: OtherParameters | undefined } = {},
): Promise<number> {
  let [shared, own] = [0, 0];
  for (const [name, square] of squares) {
    if (others && (others.isSharded?.(name) ?? true)) own += square;
    else shared += square;
  }
  if (shards) {
    const ofRanks = await numbersOfRanks(shards, [shared, own]);
    [shared, own] = [0, 1].map((n) => ofRanks.reduce((sum, numbers) => sum + numbers[n]!, 0)) as [
      number,
      number,
    ];
  }
  return Math.sqrt(shared + (others ? await sumOverRanks(others.comm, own) : own));
}

/** What gradients are multiplied by, as PyTorch's clip_grad_norm_ does; 1 where the norm is small enough or nothing is clipped. */
export function clipFactor(norm: number, maxGradientNorm: number | undefined): number {
  return maxGradientNorm === undefined ? 1 : Math.min(1, maxGradientNorm / (norm + 1e-6));
}
