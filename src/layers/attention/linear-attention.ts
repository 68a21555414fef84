/**
 * Linear attention (Katharopoulos et al. 2020, arXiv:2006.16236): the weights are phi(q_i) . phi(k_j), phi = elu + 1 > 0,
 * divided by their sum, instead of a softmax. They factor, so that the keys and values seen so far fit in a sum
 * of fixed size: state_i = state_(i-1) + phi(k_i) v_i^T, which makes decoding a recurrence. RoPE rotates the features of
 * the numerator only (RoFormer, arXiv:2104.09864, section 3.3), because rotated weights may sum to zero.
 */

import { withGradient } from '../../compute/gradient.js';
import { sizeOf } from '../../compute/ndarray.js';
import { requireAxes, requireFloat32, sameShape, shown } from '../../compute/shapes.js';
import { tf } from '../../compute/tf.js';
import { type RopeOptions, rope } from '../position/rope.js';
import type { Positions } from '../position/rope-table.js';

export interface LinearAttentionOptions {
  /** Query i sees keys j <= i. Default true. */
  causal?: boolean;
  /**
   * How the causal form is computed, with the same result: 'parallel' (default) makes all T^2 weights at once, 'recurrent'
   * walks over the tokens with a state of D x D' per head, 'chunked' walks over chunks of tokens: the weights within a
   * chunk, the state for what came before.
   */
  form?: 'parallel' | 'recurrent' | 'chunked';
  /** Tokens per chunk of the chunked form. Default 64. */
  chunk?: number;
  /** Rotate the features of the numerator; positions default to 0..T-1. */
  rope?: Omit<RopeOptions, 'path'> & { positions?: Positions };
}

/**
 * sum_j w_ij v_j / sum_j phi(q_i) . phi(k_j) with w_ij = phi(q_i) . phi(k_j), rotated where wanted. Features below
 * exp(-87) vanish in float32; a query all of whose weights do gives NaN.
 * @param q [B,H,T,D] @param k [B,H,T,D] @param v [B,H,T,D'], float32
 * @returns [B,H,T,D'], differentiable in all three
 * @throws TypeError when an input is not float32; RangeError when the shapes do not fit.
 */
export function linearAttention(
  q: tf.Tensor,
  k: tf.Tensor,
  v: tf.Tensor,
  options: LinearAttentionOptions = {},
): tf.Tensor {
  const { causal = true, form = 'parallel', chunk = 64, rope: rotation } = options;
  checkShapes(q, k, v);
  if (!['parallel', 'recurrent', 'chunked'].includes(form)) {
    throw new RangeError(
      `linearAttention: form must be 'parallel', 'recurrent' or 'chunked', got ${JSON.stringify(form)}`,
    );
  }
  if (!(Number.isInteger(chunk) && chunk >= 1)) {
    throw new RangeError(`linearAttention: chunk must be a whole number of tokens >= 1, got ${chunk}`);
  }
  const [, , T] = q.shape as [number, number, number, number];
  return tf.tidy(() => {
    const [queries, keys] = [features(q), features(k)];
    if (q.size === 0 || v.size === 0) return nothing(q, k, v);
    const positions = rotation?.positions ?? Array.from({ length: T }, (_, t) => t);
    const turn = (x: tf.Tensor) => (rotation ? rope(x, positions, rotation) : x);
    const inputs = { queries, keys, turnedQueries: turn(queries), turnedKeys: turn(keys), values: v };
    if (!causal) return throughSums(inputs);
    if (form === 'chunked') return throughChunks(inputs, chunk);
    return form === 'parallel' ? throughWeights(inputs) : throughState(inputs);
  });
}

function checkShapes(q: tf.Tensor, k: tf.Tensor, v: tf.Tensor): void {
  requireFloat32('linearAttention', { q, k, v });
  requireAxes('linearAttention', 'q', q.shape, 'B,H,T,D');
  requireAxes('linearAttention', 'v', v.shape, "B,H,T,D'");
  if (!sameShape(q.shape, k.shape) || !sameShape(q.shape.slice(0, 3), v.shape.slice(0, 3))) {
    throw new RangeError(
      `linearAttention: q and k must be [B,H,T,D] and v [B,H,T,D'], got q ${shown(q.shape)}, k ${shown(k.shape)}, v ${shown(v.shape)}`,
    );
  }
}

/** phi(x) = elu(x) + 1: x + 1 for positive x, exp(x) below, whose derivative is min(phi, 1). */
function features(x: tf.Tensor): tf.Tensor {
  return withGradient([x], (save) => {
    const value = tf.where(tf.greater(x, 0), tf.add(x, 1), tf.exp(x));
    save([value]);
    return { value, gradient: (dy, [phi]) => [tf.where(tf.greater(phi!, 1), dy, tf.mul(dy, phi!))] };
  });
}

function nothing(q: tf.Tensor, k: tf.Tensor, v: tf.Tensor): tf.Tensor {
  const shapes = [q.shape, k.shape, v.shape];
  return withGradient([q, k, v], () => ({
    value: tf.zeros(shapes[2]!),
    gradient: () => shapes.map((shape) => tf.zeros(shape)),
  }));
}

/** Features as they are, for the sum of the weights, and rotated, for the weights of the values. */
interface Features {
  queries: tf.Tensor;
  keys: tf.Tensor;
  turnedQueries: tf.Tensor;
  turnedKeys: tf.Tensor;
  values: tf.Tensor;
}

/** Without causality the sums over all keys come first: no T x T matrix. */
function throughSums({ queries, keys, turnedQueries, turnedKeys, values }: Features): tf.Tensor {
  const state = tf.matMul(turnedKeys, values, true, false);
  const total = tf.sum(tf.mul(queries, tf.sum(keys, 2, true)), -1, true);
  return tf.div(tf.matMul(turnedQueries, state), total);
}

interface Sums {
  /** sum_j w_ij v_j, [...,T,D']. */
  weighted: tf.Tensor;
  /** The sum of the unrotated weights, [...,T,1]. */
  total: tf.Tensor;
}

function throughWeights(features: Features): tf.Tensor {
  const { weighted, total } = sumsOverPast(features);
  return tf.div(weighted, total);
}

/** Over the keys up to the query's own place, by all T^2 weights. */
function sumsOverPast({ queries, keys, turnedQueries, turnedKeys, values }: Features): Sums {
  const T = queries.shape.at(-2)!;
  const place = tf.range(0, T, 1, 'float32');
  const past = tf.lessEqual(tf.reshape(place, [1, T]), tf.reshape(place, [T, 1]));
  // Not a product with 0 and 1: a NaN of a later key would be seen.
  const weigh = (a: tf.Tensor, b: tf.Tensor) => tf.where(past, tf.matMul(a, b, false, true), tf.scalar(0));
  const plain = weigh(queries, keys);
  const turned = turnedQueries === queries ? plain : weigh(turnedQueries, turnedKeys);
  return { weighted: tf.matMul(turned, values), total: tf.sum(plain, -1, true) };
}

/** The work of the parallel form within chunks, T * chunk pairs in all, and one step of the recurrence per chunk. */
function throughChunks(
  { queries, keys, turnedQueries, turnedKeys, values }: Features,
  chunk: number,
): tf.Tensor {
  const [B, H, T] = queries.shape as [number, number, number];
  const sizes = Array.from({ length: Math.ceil(T / chunk) }, (_, n) => Math.min(chunk, T - n * chunk));
  const cut = (x: tf.Tensor) => tf.split(tf.reshape(x, [sizeOf([B, H]), T, x.shape[3]!]), sizes, 1);
  const [q, k, v] = [cut(queries), cut(keys), cut(values)];
  const [tq, tk] = turnedQueries === queries ? [q, k] : [cut(turnedQueries), cut(turnedKeys)];
  let state: tf.Tensor | undefined;
  let keySum: tf.Tensor | undefined;
  const outputs = sizes.map((_, n) => {
    const own = { queries: q[n]!, keys: k[n]!, turnedQueries: tq[n]!, turnedKeys: tk[n]!, values: v[n]! };
    let { weighted, total } = sumsOverPast(own);
    if (state && keySum) {
      weighted = tf.add(weighted, tf.matMul(own.turnedQueries, state));
      total = tf.add(total, tf.sum(tf.mul(own.queries, keySum), -1, true));
    }
    if (n < sizes.length - 1) {
      const added = tf.matMul(own.turnedKeys, own.values, true, false);
      const addedKeys = tf.sum(own.keys, 1, true);
      state = state ? tf.add(state, added) : added;
      keySum = keySum ? tf.add(keySum, addedKeys) : addedKeys;
    }
    return tf.div(weighted, total);
  });
  return tf.reshape(tf.concat(outputs, 1), values.shape);
}

function throughState({ queries, keys, turnedQueries, turnedKeys, values }: Features): tf.Tensor {
  const [B, H, T, D] = queries.shape as [number, number, number, number];
  const E = values.shape[3]!;
  const heads = sizeOf([B, H]);
  const tokens = (x: tf.Tensor) => tf.unstack(tf.reshape(x, [heads, T, x.shape[3]!]), 1);
  const [q, k, tq, tk, v] = [queries, keys, turnedQueries, turnedKeys, values].map(tokens) as tf.Tensor[][];
  let state: tf.Tensor = tf.zeros([heads, D, E]);
  let total: tf.Tensor = tf.zeros([heads, D]);
  const outputs: tf.Tensor[] = [];
  for (let t = 0; t < T; t++) {
    state = tf.add(state, tf.mul(tf.reshape(tk![t]!, [heads, D, 1]), tf.reshape(v![t]!, [heads, 1, E])));
    total = tf.add(total, k![t]!);
    const numerator = tf.reshape(tf.matMul(tf.reshape(tq![t]!, [heads, 1, D]), state), [heads, E]);
    outputs.push(tf.div(numerator, tf.sum(tf.mul(q![t]!, total), -1, true)));
  }
  return tf.reshape(tf.stack(outputs, 1), [B, H, T, E]);
}
