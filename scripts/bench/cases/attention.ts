/**
 * Causal attention with grouped heads: two products of 2·B·H·T·S·D operations each, halved because causal, and five of
 * them in the gradient (FlashAttention's convention).
 */

import { tf } from '../../../src/compute/tf.js';
import { attention } from '../../../src/layers/attention/index.js';
import { type BenchCase, named, ways, wordBytes } from './case.js';

export interface AttentionSizes extends Record<string, number> {
  H: number;
  K: number;
  T: number;
  D: number;
}

export interface DecodeSizes extends AttentionSizes {
  /** Keys in the cache. */
  S: number;
}

/** One new token per sequence, which sees all S keys: reading the cache is the work. */
export function decodeCase(sizes: DecodeSizes): BenchCase {
  const { H, K, T, S, D } = sizes;
  return {
    name: 'attention decode',
    op: 'attention decode',
    gradient: false,
    sizes: { B: 1, ...sizes },
    bytes: wordBytes * (2 * H * T * D + 2 * K * S * D),
    flops: 4 * H * T * S * D,
    ...ways(
      [tf.randomNormal([1, H, T, D]), tf.randomNormal([1, K, S, D]), tf.randomNormal([1, K, S, D])],
      [1, H, T, D],
      false,
      (path) => (query, key, value) => attention(query!, key!, value!, { path }),
      (query, key, value) => {
        const logits = tf.matMul(query!, repeated(key!, H), false, true);
        return tf.matMul(tf.softmax(tf.mul(logits, 1 / Math.sqrt(D))), repeated(value!, H));
      },
    ),
  };
}

export function attentionCase(sizes: AttentionSizes, gradient: boolean): BenchCase {
  const { H, K, T, D } = sizes;
  const q = H * T * D;
  const kv = 2 * K * T * D;
  const forward = 4 * H * T * T * D * 0.5;
  const future = tf.tidy(() => tf.mul(tf.sub(1, tf.linalg.bandPart(tf.ones([T, T]), -1, 0)), -1e9));
  return {
    ...named('attention', gradient),
    sizes: { B: 1, ...sizes },
    // Forward: q, k, v in, output out. Gradient: those four and the output's gradient in, dq, dk, dv out.
    bytes: wordBytes * (2 * q + kv + (gradient ? 4 * q + 2 * kv : 0)),
    flops: gradient ? 3.5 * forward : forward,
    ...ways(
      [tf.randomNormal([1, H, T, D]), tf.randomNormal([1, K, T, D]), tf.randomNormal([1, K, T, D])],
      [1, H, T, D],
      gradient,
      (path) => (query, key, value) => attention(query!, key!, value!, { causal: true, path }),
      (query, key, value) => {
        const logits = tf.matMul(query!, repeated(key!, H), false, true);
        const weights = tf.softmax(tf.add(tf.mul(logits, 1 / Math.sqrt(D)), future));
        return tf.matMul(weights, repeated(value!, H));
      },
      [future],
    ),
  };
}

/** [1,K,S,D] -> [1,H,S,D], every key/value head for its group of query heads. */
function repeated(x: tf.Tensor, H: number): tf.Tensor {
  const [, K, S, D] = x.shape as [number, number, number, number];
  return tf.reshape(tf.tile(tf.reshape(x, [K, 1, S, D]), [1, H / K, 1, 1]), [1, H, S, D]);
}
