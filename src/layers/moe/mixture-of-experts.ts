/**
 * A mixture of SwiGLU experts: a linear router scores the E experts for every token, the topK best run, and their outputs
 * are summed with the router's probabilities, divided by their sum (Mixtral: Jiang et al. 2024, arXiv:2401.04088).
 * Losses that keep the router in order: balance, E sum_i f_i P_i with f_i the share of tokens whose first choice is i
 * (Switch: Fedus et al. 2021, arXiv:2101.03961), and z-loss, mean logsumexp^2 (ST-MoE: Zoph et al. 2022, arXiv:2202.08906).
 */

import { sizeOf } from '../../compute/ndarray.js';
import { requireFloat32, shown } from '../../compute/shapes.js';
import { tf } from '../../compute/tf.js';
import { type SwiGluWeights, swiGluFfn } from '../feed-forward/feed-forward.js';
import { choices, routeTokens } from './router.js';

export interface ExpertWeights {
  /** [E, C] */
  router: tf.Tensor;
  /** E of them, each of wGate [F,C], wUp [F,C], wDown [C,F]. */
  experts: readonly SwiGluWeights[];
}

export interface ExpertOptions {
  /** Experts per token, 1 to E. */
  topK: number;
  /** Divide the weights of the chosen experts by their sum. Default true. */
  renormalise?: boolean;
}

export interface ExpertResult {
  /** [..., C] */
  out: tf.Tensor;
  /** Scalar: 1 when tokens and probabilities are spread evenly, up to E when one expert gets all. */
  switchLoss: tf.Tensor;
  /** Scalar. */
  zLoss: tf.Tensor;
}

/**
 * Every expert runs on every token and the weight of those not chosen is 0: no token is dropped and nothing has to be
 * read back to sort them, for E / topK times the arithmetic of a grouped implementation.
 * @param x [..., C], float32
 * @returns three results, differentiable in x and all weights; which experts are chosen is not
 * @throws TypeError when an input is not float32; RangeError when the shapes do not fit or topK is not 1 to E.
 */
export function mixtureOfExperts(
  x: tf.Tensor,
  { router, experts }: ExpertWeights,
  { topK, renormalise = true }: ExpertOptions,
): ExpertResult {
  requireFloat32('mixtureOfExperts', { x, router });
  const E = experts.length;
  const C = x.shape[x.rank - 1] ?? 0;
  if (router.rank !== 2 || router.shape[0] !== E || router.shape[1] !== C) {
    throw new RangeError(
      `mixtureOfExperts: router must be [E,C] = ${shown([E, C])} for ${E} experts and x ${shown(x.shape)}, got ${shown(router.shape)}`,
    );
  }
  if (!Number.isInteger(topK) || topK < 1 || topK > E) {
    throw new RangeError(`mixtureOfExperts: topK must be an integer from 1 to E = ${E}, got ${topK}`);
  }
  const N = sizeOf(x.shape.slice(0, -1));
  return tf.tidy(() => {
    const rows = tf.reshape(x, [N, C]);
    const { weights, logits, probabilities } = routeTokens(rows, router, { topK, renormalise });
    const outputs = experts.map((expert, e) =>
      tf.mul(swiGluFfn(rows, expert), tf.slice(weights, [0, e], [N, 1])),
    );
    return {
      out: tf.reshape(tf.addN(outputs), x.shape),
      switchLoss: tf.mul(tf.sum(tf.mul(tf.mean(choices(logits, 1), 0), tf.mean(probabilities, 0))), E),
      zLoss: tf.mean(tf.square(tf.logSumExp(logits, -1))),
    };
  });
}
