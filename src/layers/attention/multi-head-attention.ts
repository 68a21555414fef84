/**
 * Multi-head attention (Vaswani et al. 2017, arXiv:1706.03762): project x to queries, keys and values, attend per
 * head, project back. Heads are contiguous blocks of D rows of the weights; with fewer key/value heads than query
 * heads it is grouped-query attention (Ainslie et al. 2023, arXiv:2305.13245). RoPE rotates q and k after projection.
 */

import { present, requireAxes, requireFloat32, sameShape, shown } from '../../compute/shapes.js';
import { tf } from '../../compute/tf.js';
import { linear } from '../linear/linear.js';
import { type RopeOptions, rope } from '../position/rope.js';
import type { Positions } from '../position/rope-table.js';
import { type AttentionOptions, attention } from './attention.js';
import type { KvCache } from './kv-cache.js';

/** Weights are [out, in], biases [out]: y = x W^T + b. */
export interface AttentionWeights {
  /** [H D, C] */
  wq: tf.Tensor;
  /** [K D, C] */
  wk: tf.Tensor;
  /** [K D, C] */
  wv: tf.Tensor;
  /** [C, H D] */
  wo: tf.Tensor;
  /** Of the queries, [H D]. */
  bq?: tf.Tensor;
  /** [K D] */
  bk?: tf.Tensor;
  /** [K D] */
  bv?: tf.Tensor;
  /** Of the output, [C]. */
  bo?: tf.Tensor;
}

export interface MultiHeadAttentionOptions extends AttentionOptions {
  /** H. */
  heads: number;
  /** K, a divisor of H; default H. */
  kvHeads?: number;
  /** Rotate queries and keys; positions default to 0..T-1, or go on after the tokens of the cache. */
  rope?: Omit<RopeOptions, 'path'> & { positions?: Positions };
  /** x holds the tokens after those in the cache: their keys and values are appended, and all are attended to. */
  cache?: KvCache;
}

/**
 * @param x [B,T,C], float32
 * @returns [B,T,C], differentiable in x, the weights and the biases; with a cache for inference only
 * @throws RangeError when a weight does not fit x and the head counts, or D is not whole; otherwise as `attention`.
 */
export function multiHeadAttention(
  x: tf.Tensor,
  weights: AttentionWeights,
  options: MultiHeadAttentionOptions,
): tf.Tensor {
  const { heads: H, kvHeads: K = H, rope: rotation, cache, ...rule } = options;
  const { wq, wk, wv, wo, bq, bk, bv, bo } = weights;
  requireFloat32('multiHeadAttention', { x, wq, wk, wv, wo, ...present({ bq, bk, bv, bo }) });
  const D = checkWeights(x.shape, weights, H, K);
  const [B, T] = x.shape as [number, number];
  // What the cache holds survives, because it keeps it.
  return tf.tidy(() => {
    const project = (weight: tf.Tensor, bias: tf.Tensor | undefined, heads: number) =>
      tf.transpose(tf.reshape(linear(x, weight, bias), [B, T, heads, D]), [0, 2, 1, 3]);
    const start = cache?.position ?? 0;
    const rotate = (tensor: tf.Tensor) =>
      rotation
        ? rope(tensor, rotation.positions ?? Array.from({ length: T }, (_, t) => start + t), {
            ...rotation,
            path: rule.path,
          })
        : tensor;
    const added = { k: rotate(project(wk, bk, K)), v: project(wv, bv, K) };
    const { k, v } = cache ? cache.append(added.k, added.v) : added;
    const out = attention(rotate(project(wq, bq, H)), k, v, rule);
    return linear(tf.reshape(tf.transpose(out, [0, 2, 1, 3]), [B, T, H * D]), wo, bo);
  });
}

/** @returns D */
function checkWeights(
  x: readonly number[],
  { wq, wk, wv, wo, bq, bk, bv, bo }: AttentionWeights,
  H: number,
  K: number,
): number {
  requireAxes('multiHeadAttention', 'x', x, 'B,T,C');
  for (const [name, count] of [
    ['heads', H],
    ['kvHeads', K],
  ] as const) {
    if (!Number.isInteger(count) || count < 1) {
      throw new RangeError(`multiHeadAttention: ${name} must be a positive integer, got ${count}`);
    }
  }
  if (H % K !== 0) {
    throw new RangeError(`multiHeadAttention: heads (${H}) must be a multiple of kvHeads (${K})`);
  }
  const C = x[2]!;
  const D = (wq.shape[0] ?? 0) / H;
  if (!Number.isInteger(D)) {
    throw new RangeError(
      `multiHeadAttention: the rows of wq ${shown(wq.shape)} do not divide into ${H} heads (D would be ${D})`,
    );
  }
  const wanted: [string, tf.Tensor, number[]][] = [
    ['wq', wq, [H * D, C]],
    ['wk', wk, [K * D, C]],
    ['wv', wv, [K * D, C]],
    ['wo', wo, [C, H * D]],
  ];
  for (const [name, tensor, shape] of wanted) {
    if (!sameShape(tensor.shape, shape)) {
      throw new RangeError(
        `multiHeadAttention: ${name} must be [out, in] = ${shown(shape)} for x ${shown(x)}, ${H} heads, ` +
          `${K} key/value heads and D = ${D}; got ${shown(tensor.shape)}`,
      );
    }
  }
  for (const [name, bias, out] of [
    ['bq', bq, H * D],
    ['bk', bk, K * D],
    ['bv', bv, K * D],
    ['bo', bo, C],
  ] as const) {
    if (bias && !sameShape(bias.shape, [out])) {
      throw new RangeError(
        `multiHeadAttention: ${name} must be [out] = ${shown([out])}, got ${shown(bias.shape)}`,
      );
    }
  }
  return D;
}
