/**
 * Attention made of tfjs operations, for every backend. The H query heads of a key/value head are stacked along T, so
 * grouped heads need neither repeated keys nor broadcasting. Unlike the fused form it stores the weights [B,H,T,S].
 */

import { withGradient } from '../../compute/gradient.js';
import { tf } from '../../compute/tf.js';
import type { AttentionSetup } from './options.js';

export interface ComposedMasks {
  /** Broadcastable to [B,H,T,S]; non-zero = may attend. */
  mask?: tf.Tensor;
  /** Broadcastable to [B,H,T,S]; added to the logits, and differentiated. */
  bias?: tf.Tensor;
}

/** Stands for minus infinity where the arithmetic must stay finite. */
const hidden = -3e38;

/** Inputs checked by the caller and not empty. */
export function composedAttention(
  q: tf.Tensor,
  k: tf.Tensor,
  v: tf.Tensor,
  setup: AttentionSetup,
  { mask, bias }: ComposedMasks,
): tf.Tensor {
  const { B, H, K, T, S, D, scale } = setup;
  const stacked = [B, K, (H / K) * T, D];
  const stackedWeights = [B, K, (H / K) * T, S];
  return withGradient(bias ? [q, k, v, bias] : [q, k, v], (save) => {
    const products = tf.matMul(tf.reshape(q, stacked), k, false, true);
    const weights = softmax(
      addBiases(tf.mul(tf.reshape(products, [B, H, T, S]), scale), setup, bias),
      allowed(),
    );
    save([q, k, v, weights]);
    const value = tf.reshape(tf.matMul(tf.reshape(weights, stackedWeights), v), [B, H, T, D]);
    return { value, gradient };
  });

  function allowed(): tf.Tensor | undefined {
    return both(both(band(setup), mask && tf.notEqual(mask, tf.zerosLike(mask))), finiteBias(bias));
  }

  function gradient(dy: tf.Tensor, saved: tf.Tensor[]): tf.Tensor[] {
    const [query, key, value, weights] = saved as [tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor];
    const dyStacked = tf.reshape(dy, stacked);
    const dv = tf.matMul(tf.reshape(weights, stackedWeights), dyStacked, true, false);
    const dp = tf.reshape(tf.matMul(dyStacked, value, false, true), [B, H, T, S]);
    const along = tf.sum(tf.mul(weights, dp), -1, true);
    const ds = tf.mul(weights, tf.sub(dp, along));
    const scaled = tf.reshape(tf.mul(ds, scale), stackedWeights);
    const dq = tf.reshape(tf.matMul(scaled, key), [B, H, T, D]);
    const dk = tf.matMul(scaled, tf.reshape(query, stacked), true, false);
    return bias ? [dq, dk, dv, sumTo(ds, bias.shape)] : [dq, dk, dv];
  }
}

/** Softmax over the allowed keys; a row without any gives zeros. */
function softmax(logits: tf.Tensor, allowed: tf.Tensor | undefined): tf.Tensor {
  if (!allowed) {
    const exponentials = tf.exp(tf.sub(logits, tf.max(logits, -1, true)));
    return tf.div(exponentials, tf.sum(exponentials, -1, true));
  }
  const visible = tf.where(allowed, logits, tf.fill(logits.shape, hidden));
  const exponentials = tf.where(
    allowed,
    tf.exp(tf.sub(visible, tf.max(visible, -1, true))),
    tf.zerosLike(logits),
  );
  const total = tf.sum(exponentials, -1, true);
  return tf.div(exponentials, tf.where(tf.equal(total, 0), tf.onesLike(total), total));
}

/** i + (S - T) as a column [T, 1] and j as a row [1, S], in float32: exact to 2^24. */
function places({ T, S }: AttentionSetup): { query: tf.Tensor; key: tf.Tensor } {
  return {
    query: tf.reshape(tf.range(S - T, S, 1, 'float32'), [T, 1]),
    key: tf.reshape(tf.range(0, S, 1, 'float32'), [1, S]),
  };
}

/** The visible (query, key) pairs by the causal and window rules, [T, S]; undefined when all are. */
function band(setup: AttentionSetup): tf.Tensor | undefined {
  const { causal, window } = setup;
  if (!causal && window === Number.POSITIVE_INFINITY) return undefined;
  const { query, key } = places(setup);
  const past = causal ? tf.lessEqual(key, query) : undefined;
  const near = window === Number.POSITIVE_INFINITY ? undefined : tf.less(tf.sub(query, key), window);
  return both(past, near);
}

function both(a: tf.Tensor | undefined, b: tf.Tensor | undefined): tf.Tensor | undefined {
  return a && b ? tf.logicalAnd(a, b) : (a ?? b);
}

/** An additive mask hides with minus infinity; anything below `hidden` counts as that. NaN stays visible. */
function finiteBias(bias: tf.Tensor | undefined): tf.Tensor | undefined {
  return bias && tf.logicalNot(tf.less(bias, hidden));
}

function addBiases(logits: tf.Tensor, setup: AttentionSetup, bias: tf.Tensor | undefined): tf.Tensor {
  let result = logits;
  if (setup.slopes) {
    const { query, key } = places(setup);
    const slopes = tf.tensor([...setup.slopes], [1, setup.H, 1, 1], 'float32');
    result = tf.sub(result, tf.mul(slopes, tf.abs(tf.sub(query, key))));
  }
  return bias ? tf.add(result, bias) : result;
}

/** The gradient of a broadcast: sums the axes along which `shape` was repeated. */
function sumTo(gradient: tf.Tensor, shape: number[]): tf.Tensor {
  const axes = tf.broadcast_util.getReductionAxes(shape, gradient.shape);
  return tf.reshape(axes.length > 0 ? tf.sum(gradient, axes) : gradient, shape);
}
