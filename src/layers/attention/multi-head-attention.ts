/**
 * Multi-head attention (Vaswani et al. 2017, arXiv:1706.03762): project x to queries, keys and values, attend per
 * head, project back. Heads are contiguous blocks of D rows of the weights; with fewer key/value heads than query
 * heads it is grouped-query attention (Ainslie et al. 2023, arXiv:2305.13245). RoPE rotates q and k after projection.
 */

import { repeated } from '../../compute/gradient.js';
import { present, requireAxes, requireFloat32, sameShape, shown } from '../../compute/shapes.js';
import { tf } from '../../compute/tf.js';
import { type LinearWeight, linear, weightTensors } from '../linear/linear.js';
import { type RopeOptions, rope } from '../position/rope.js';
import type { Positions } from '../position/rope-table.js';
import { type AttentionOptions, attention } from './attention.js';
import type { KvCache } from './kv-cache.js';

/** Weights are [out, in], biases [out]: y = x W^T + b. A `LinearLayer` may stand for a weight. */
export interface AttentionWeights<W extends LinearWeight = tf.Tensor> {
  /** [H D, C] */
  wq: W;
  /** [K D, C] */
  wk: W;
  /** [K D, C] */
  wv: W;
  /** [C, H D] */
  wo: W;
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
  /** Keys and values [K,P,D] in front of those of every sequence, not rotated; positions begin at P. */
  prefix?: { k: tf.Tensor; v: tf.Tensor };
}

/**
 * @param x [B,T,C], float32
 * @returns [B,T,C], differentiable in x, the weights and the biases; with a cache for inference only
 * @throws RangeError when a weight does not fit x and the head counts, or D is not whole; otherwise as `attention`.
 */
export function multiHeadAttention(
  x: tf.Tensor,
  weights: AttentionWeights<LinearWeight>,
  options: MultiHeadAttentionOptions,
): tf.Tensor {
  const { heads: H, kvHeads: K = H, rope: rotation, cache, prefix, ...rule } = options;
  const { wq, wk, wv, wo, bq, bk, bv, bo } = weights;
  requireFloat32('multiHeadAttention', {
    x,
    ...weightTensors({ wq, wk, wv, wo }),
    ...present({ bq, bk, bv, bo }),
  });
  const D = checkWeights(x.shape, weights, H, K);
  const [B, T] = x.shape as [number, number];
  // What the cache holds survives, because it keeps it.
  return tf.tidy(() => {
    const project = (weight: LinearWeight, bias: tf.Tensor | undefined, heads: number) =>
      tf.transpose(tf.reshape(linear(x, weight, bias), [B, T, heads, D]), [0, 2, 1, 3]);
    const front = prefix && (cache?.position ?? 0) === 0 ? inFront(prefix, B, K, D) : undefined;
    const start = (cache?.position ?? 0) + (front?.k.shape[2] ?? 0);
    const rotate = (tensor: tf.Tensor) =>
      rotation
        ? rope(tensor, rotation.positions ?? Array.from({ length: T }, (_, t) => start + t), {
            ...rotation,
            path: rule.path,
          })
        : tensor;
    const added = { k: rotate(project(wk, bk, K)), v: project(wv, bv, K) };
    const { k, v } = gathered(added, front, cache);
    const out = attention(rotate(project(wq, bq, H)), k, v, rule);
    return linear(tf.reshape(tf.transpose(out, [0, 2, 1, 3]), [B, T, H * D]), wo, bo);
  });
}

type KeysValues = { k: tf.Tensor; v: tf.Tensor };

/** The prefix for each of B sequences, [B,K,P,D]. */
function inFront({ k, v }: KeysValues, B: number, K: number, D: number): KeysValues {
  requireFloat32('multiHeadAttention', { 'prefix.k': k, 'prefix.v': v });
  const wanted = [K, k.shape[1] ?? 0, D];
  if (!sameShape(k.shape, wanted) || !sameShape(v.shape, wanted)) {
    throw new RangeError(
      `multiHeadAttention: prefix must hold k and v [K,P,D] with K = ${K} and D = ${D}, got ${shown(k.shape)} and ${shown(v.shape)}`,
    );
  }
  const forAll = (own: tf.Tensor) => repeated(tf.expandDims(own, 0), 0, B);
  return { k: forAll(k), v: forAll(v) };
}

/** What is attended to: the prefix or the tokens of the cache, then those added. */
function gathered(added: KeysValues, front: KeysValues | undefined, cache: KvCache | undefined): KeysValues {
  if (!front) return cache ? cache.append(added.k, added.v) : added;
  const k = tf.concat([front.k, added.k], 2);
  const v = tf.concat([front.v, added.v], 2);
  return cache ? cache.append(k, v) : { k, v };
}

/** @returns D */
function checkWeights(
  x: readonly number[],
  { wq, wk, wv, wo, bq, bk, bv, bo }: AttentionWeights<LinearWeight>,
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
  const wanted: [string, LinearWeight, number[]][] = [
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
