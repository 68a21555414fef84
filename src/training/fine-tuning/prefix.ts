/**
 * Prefix tuning (Li & Liang 2021, arXiv:2101.00190): P learned keys and values in every layer, which every token may attend
 * to; they belong to no position, so RoPE does not rotate them. In training they may come from a small MLP over an
 * embedding, which is thrown away afterwards. Without the MLP this is P-tuning v2 (Liu et al. 2021, arXiv:2110.07602).
 */

import { repeated } from '../../compute/gradient.js';
import { present, requireAxes, requireFloat32, sameShape, shown } from '../../compute/shapes.js';
import { tf } from '../../compute/tf.js';
import { type AttentionOptions, attention } from '../../layers/attention/attention.js';
import { linear } from '../../layers/linear/linear.js';

/**
 * Attention to the prefix and to the keys. The prefix stands in front of them: `causal` hides none of it, `window` counts it.
 * @param q [B,H,T,D] @param k [B,K,S,D] @param v [B,K,S,D]
 * @param prefix keys and values [K,P,D] for all sequences
 * @param options as `attention`; a mask is over the P + S keys
 * @returns [B,H,T,D], differentiable in all
 * @throws RangeError when the shapes do not fit.
 */
export function prefixAttention(
  q: tf.Tensor,
  k: tf.Tensor,
  v: tf.Tensor,
  prefix: { k: tf.Tensor; v: tf.Tensor },
  options: AttentionOptions = {},
): tf.Tensor {
  requireFloat32('prefixAttention', { k, v, 'prefix.k': prefix.k, 'prefix.v': prefix.v });
  requireAxes('prefixAttention', 'prefix.k', prefix.k.shape, 'K,P,D');
  requireAxes('prefixAttention', 'k', k.shape, 'B,K,S,D');
  const [B, K, , D] = k.shape as [number, number, number, number];
  const wanted = [K, prefix.k.shape[1]!, D];
  if (!sameShape(prefix.k.shape, wanted) || !sameShape(prefix.v.shape, wanted)) {
    throw new RangeError(
      `prefixAttention: the prefix must be [K,P,D] = ${shown(wanted)} for k ${shown(k.shape)}, got keys ${shown(prefix.k.shape)}, values ${shown(prefix.v.shape)}`,
    );
  }
  return tf.tidy(() => {
    const front = (own: tf.Tensor, rest: tf.Tensor) =>
      tf.concat([repeated(tf.expandDims(own, 0), 0, B), rest], 2);
    return attention(q, front(prefix.k, k), front(prefix.v, v), options);
  });
}

export interface PrefixMlp {
  /** [hidden, W] */
  w0: tf.Tensor;
  b0: tf.Tensor;
  /** [L 2 W, hidden] */
  w1: tf.Tensor;
  b1: tf.Tensor;
}

/**
 * Keys and values of all layers in a row, [P, L 2 K D]: the embedding itself, or tanh(e W0^T + b0) W1^T + b1 of it.
 * @param embedding [P, L 2 K D], or [P, W] with the MLP
 */
export function prefixEncoder(embedding: tf.Tensor, mlp?: PrefixMlp): tf.Tensor {
  requireFloat32('prefixEncoder', { embedding, ...present({ ...mlp }) });
  requireAxes('prefixEncoder', 'embedding', embedding.shape, mlp ? 'P,W' : 'P,L*2*K*D');
  if (!mlp) return tf.clone(embedding);
  return tf.tidy(() => linear(tf.tanh(linear(embedding, mlp.w0, mlp.b0)), mlp.w1, mlp.b1));
}

/**
 * @param prefix [P, L 2 K D], the last axis split as layer, key or value, head, D
 * @returns keys and values [L,B,K,P,D], the same for all B sequences
 * @throws RangeError when the last axis does not divide into layers and heads.
 */
export function prefixKeysValues(
  prefix: tf.Tensor,
  { layers: L, heads: K, batch: B = 1 }: { layers: number; heads: number; batch?: number },
): { keys: tf.Tensor; values: tf.Tensor } {
  requireFloat32('prefixKeysValues', { prefix });
  requireAxes('prefixKeysValues', 'prefix', prefix.shape, 'P,L*2*K*D');
  const [P, width] = prefix.shape as [number, number];
  const D = width / (2 * L * K);
  if (!Number.isInteger(D) || !Number.isInteger(B) || B < 0) {
    throw new RangeError(
      `prefixKeysValues: prefix ${shown(prefix.shape)} must be [P, L*2*K*D] for L = ${L} layers and K = ${K} heads, and batch a count (${B})`,
    );
  }
  return tf.tidy(() => {
    // At most four axes at a time: tfjs has no gradients for more in some of these operations.
    const byHead = tf.transpose(tf.reshape(prefix, [P, 2 * L, K, D]), [1, 2, 0, 3]);
    const pairs = tf.reshape(byHead, [L, 2, K * P * D]);
    const part = (which: 0 | 1) => {
      const own = tf.slice(pairs, [0, which, 0], [L, 1, K * P * D]);
      return tf.reshape(repeated(own, 1, B), [L, B, K, P, D]);
    };
    return { keys: part(0), values: part(1) };
  });
}

/**
 * The part of a prefix that one layer sees.
 * @param prefix [P, L 2 K D], the last axis split as layer, key or value, head, D
 * @returns keys and values [K,P,D], differentiable
 */
export function prefixOfLayer(
  prefix: tf.Tensor,
  layer: number,
  { heads: K, D }: { heads: number; D: number },
): { k: tf.Tensor; v: tf.Tensor } {
  requireAxes('prefixOfLayer', 'prefix', prefix.shape, 'P,L*2*K*D');
  const [P, width] = prefix.shape as [number, number];
  if (!Number.isInteger(layer) || layer < 0 || (layer + 1) * 2 * K * D > width) {
    throw new RangeError(
      `prefixOfLayer: prefix ${shown(prefix.shape)} has no layer ${layer} of K = ${K} heads of D = ${D}`,
    );
  }
  return tf.tidy(() => {
    const part = (which: 0 | 1) => {
      const own = tf.slice(prefix, [0, (2 * layer + which) * K * D], [P, K * D]);
      return tf.transpose(tf.reshape(own, [P, K, D]), [1, 0, 2]);
    };
    return { k: part(0), v: part(1) };
  });
}
