/** Routers whose experts have a place for so many tokens: top-1, top-k, and experts that choose. */
import { requireFloat32, shown } from '../../compute/shapes.js';
import { tf } from '../../compute/tf.js';
import { type SwiGluWeights, swiGluFfn } from '../feed-forward/feed-forward.js';
import { linear } from '../linear/linear.js';
import { softmax } from '../softmax/softmax.js';
import { rankedChoices, withinCapacity } from './chosen.js';
import { balanceLoss } from './losses.js';

/** An expert w2 relu(w1 x). */
export interface ReluExpert {
  /** [F,C] */
  w1: tf.Tensor;
  /** [C,F] */
  w2: tf.Tensor;
}

export interface SwitchOptions {
  /** An expert has a place for ceil(capacityFactor T / E) tokens of a row; the others are dropped. Default: for all. */
  capacityFactor?: number;
}

export interface SwitchResult {
  /** [B,T,C], 0 for a dropped token: the residual connection around the layer carries it on. */
  out: tf.Tensor;
  /** [B,T], 1 where a token is dropped. */
  dropped: tf.Tensor;
  /** [B,E], before dropping. */
  loads: tf.Tensor;
  /** Scalar: the mean over rows of the balance loss. */
  loss: tf.Tensor;
}

/**
 * Switch Transformer's layer (Fedus et al. 2021, arXiv:2101.03961): each token takes its best expert, whose output is multiplied by its
 * probability. A row of the batch is a group of its own, whose tokens stand in line in their order.
 * @param x [B,T,C] @param router [E,C]
 */
export function switchExperts(
  x: tf.Tensor,
  { router, experts }: { router: tf.Tensor; experts: readonly ReluExpert[] },
  { capacityFactor }: SwitchOptions = {},
): SwitchResult {
  requireShapes('switchExperts', x, router, experts.length, 3);
  const [, T] = x.shape as [number, number, number];
  const capacity = capacityOf('switchExperts', capacityFactor, T / experts.length);
  return tf.tidy(() => {
    const probabilities = softmax(linear(x, router));
    const chosen = tf.squeeze(rankedChoices(probabilities, 1).mask, [2]);
    const kept = capacity === undefined ? chosen : withinCapacity(chosen, capacity, 1);
    const outputs = experts.map(({ w1, w2 }) => linear(tf.relu(linear(x, w1)), w2));
    return {
      out: weighted(outputs, tf.mul(probabilities, kept)),
      dropped: tf.sub(1, tf.sum(kept, -1)),
      loads: tf.sum(chosen, 1),
      loss: tf.mean(balanceLoss(probabilities, chosen)),
    };
  });
}

export interface CapacityOptions {
  /** Experts per token, 1 to E. */
  topK: number;
  /** Divide the weights of the chosen by their sum, before any is dropped. Default true. */
  renormalise?: boolean;
  /** An expert has a place for ceil(capacityFactor topK N / E) tokens. Default: for all. */
  capacityFactor?: number;
}

export interface CapacityResult {
  /** [N,C] */
  out: tf.Tensor;
  /** [N,topK], 1 where the token's k-th choice had no place for it. */
  dropped: tf.Tensor;
  /** [E], before dropping. */
  loads: tf.Tensor;
  /** Scalar: E sum f P, with f summing to topK. */
  auxLoss: tf.Tensor;
}

/**
 * Top-k routing with places (GShard: Lepikhin et al. 2020, arXiv:2006.16668; NLLB): first choices of all tokens stand in line before second
 * choices.
 * @param x [N,C] @param router [E,C]
 */
export function capacityExperts(
  x: tf.Tensor,
  { router, experts }: { router: tf.Tensor; experts: readonly SwiGluWeights[] },
  { topK, renormalise = true, capacityFactor }: CapacityOptions,
): CapacityResult {
  const E = experts.length;
  requireShapes('capacityExperts', x, router, E, 2);
  if (!(Number.isInteger(topK) && topK >= 1 && topK <= E))
    throw new RangeError(`capacityExperts: topK must be an integer from 1 to E = ${E}, got ${topK}`);
  const N = x.shape[0]!;
  const capacity = capacityOf('capacityExperts', capacityFactor, (topK * N) / E);
  return tf.tidy(() => {
    const probabilities = softmax(linear(x, router));
    const { mask } = rankedChoices(probabilities, topK);
    const line = tf.reshape(tf.transpose(mask, [1, 0, 2]), [topK * N, E]);
    const kept =
      capacity === undefined
        ? mask
        : tf.transpose(tf.reshape(withinCapacity(line, capacity, 0), [topK, N, E]), [1, 0, 2]);
    const chosen = tf.sum(mask, 1);
    const shares = tf.mul(probabilities, chosen);
    const weights = renormalise ? tf.div(shares, tf.sum(shares, -1, true)) : shares;
    const outputs = experts.map((expert) => swiGluFfn(x, expert));
    return {
      out: weighted(outputs, tf.mul(weights, tf.sum(kept, 1))),
      dropped: tf.sub(1, tf.sum(kept, -1)),
      loads: tf.sum(chosen, 0),
      auxLoss: balanceLoss(probabilities, chosen),
    };
  });
}

export interface ExpertChoiceResult {
  /** [N,C] */
  out: tf.Tensor;
  /** [E,capacity], the tokens of each expert, best first. */
  selected: tf.Tensor;
}

/**
 * Experts choose tokens (Zhou et al. 2022, arXiv:2202.09368): each takes its floor(capacityFactor N / E) best ones by the softmax over experts. Loads are
 * even by construction; a token may be taken by none or by several. Which tokens an expert takes depends on later ones: not for causal models.
 * @param x [N,C] @param router [E,C]
 */
export function expertChoice(
  x: tf.Tensor,
  { router, experts }: { router: tf.Tensor; experts: readonly ReluExpert[] },
  { capacityFactor }: { capacityFactor: number },
): ExpertChoiceResult {
  const E = experts.length;
  requireShapes('expertChoice', x, router, E, 2);
  const capacity = Math.min(x.shape[0]!, Math.floor((capacityFactor * x.shape[0]!) / E));
  if (!(capacity >= 0))
    throw new RangeError(`expertChoice: capacityFactor must be positive, got ${capacityFactor}`);
  return tf.tidy(() => {
    const scores = softmax(linear(x, router));
    const outputs = experts.map(({ w1, w2 }) => linear(tf.relu(linear(x, w1)), w2));
    if (capacity === 0) return { out: tf.zerosLike(x), selected: tf.zeros([E, 0], 'int32') };
    const { mask, indices } = rankedChoices(tf.transpose(scores), capacity);
    return { out: weighted(outputs, tf.mul(scores, tf.transpose(tf.sum(mask, 1)))), selected: indices };
  });
}

/** E outputs [...,C] and their weights [...,E] -> [...,C]. */
function weighted(outputs: readonly tf.Tensor[], weights: tf.Tensor): tf.Tensor {
  const columns = tf.split(weights, outputs.length, -1);
  return tf.addN(outputs.map((output, e) => tf.mul(output, columns[e]!)));
}

function capacityOf(caller: string, factor: number | undefined, even: number): number | undefined {
  if (factor === undefined) return undefined;
  if (!(factor > 0)) throw new RangeError(`${caller}: capacityFactor must be positive, got ${factor}`);
  return Math.ceil(factor * even);
}

function requireShapes(caller: string, x: tf.Tensor, router: tf.Tensor, E: number, rank: number): void {
  requireFloat32(caller, { x, router });
  const C = x.shape.at(-1) ?? 0;
  if (x.rank !== rank)
    throw new RangeError(`${caller}: x must be ${rank === 3 ? '[B,T,C]' : '[N,C]'}, got ${shown(x.shape)}`);
  if (router.rank !== 2 || router.shape[0] !== E || router.shape[1] !== C)
    throw new RangeError(
      `${caller}: router must be [E,C] = ${shown([E, C])} for ${E} experts and x ${shown(x.shape)}, got ${shown(router.shape)}`,
    );
}
