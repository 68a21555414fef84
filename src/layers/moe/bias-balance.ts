/**
 * Balance without a loss (Wang et al. 2024, arXiv:2408.15664; DeepSeek-V3: arXiv:2412.19437): a bias that only the choice sees rises for experts
 * with too few tokens and falls for those with too many.
 */
import { tf } from '../../compute/tf.js';
import { rankedChoices } from './chosen.js';

export interface BiasRouting {
  /** [N,topK], best first. */
  selected: tf.Tensor;
  /** [N,topK], of the sigmoids without bias: they sum to `scale`. Differentiable in the logits. */
  weights: tf.Tensor;
  /** [E], tokens of each expert. */
  loads: tf.Tensor;
}

export interface BiasRoutingOptions {
  topK: number;
  /** What the weights of a token sum to. Default 1. */
  scale?: number;
}

/** Keeps the sum of a token's sigmoids from being 0, as in DeepSeek-V3's code. */
const tiny = 1e-20;

/** @param logits [N,E] @param bias [E] */
export function routeWithBias(
  logits: tf.Tensor,
  bias: tf.Tensor,
  { topK, scale = 1 }: BiasRoutingOptions,
): BiasRouting {
  const [N, E] = logits.shape as [number, number];
  if (!(Number.isInteger(topK) && topK >= 1 && topK <= E))
    throw new RangeError(`routeWithBias: topK must be an integer from 1 to E = ${E}, got ${topK}`);
  return tf.tidy(() => {
    const scores = tf.sigmoid(logits);
    const { mask, indices } = rankedChoices(tf.add(scores, bias), topK);
    const own = tf.sum(tf.mul(mask, tf.reshape(scores, [N, 1, E])), -1);
    const weights = tf.mul(tf.div(own, tf.add(tf.sum(own, -1, true), tiny)), scale);
    return { selected: indices, weights, loads: tf.sum(mask, [0, 1]) };
  });
}

/** bias + rate · sign(mean load − load). @param loads [E] */
export function updatedBias(bias: tf.Tensor, loads: tf.Tensor, rate: number): tf.Tensor {
  return tf.tidy(() => tf.add(bias, tf.mul(tf.sign(tf.sub(tf.mean(loads), loads)), rate)));
}
