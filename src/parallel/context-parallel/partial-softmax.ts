/**
 * Attention to some of the keys, the merge of two such results, and the gradients of one part: what FlashAttention (Dao et al. 2022,
 * arXiv:2205.14135) does with tiles, here with what other ranks send. q [B,H,T,D], k and v [B,K,S,D], H a multiple of K.
 */
import { tf } from '../../compute/tf.js';

export type PartialAttention = {
  /** [B,H,T,D], divided by the sum of these keys' exponentials. */
  out: tf.Tensor;
  /** The logarithm of that sum, [B,H,T,1]. */
  logSum: tf.Tensor;
};

export interface BlockRule {
  scale: number;
  /** Query i sees keys j ≤ i; else all. */
  causal: boolean;
}

/** Stands for minus infinity where the arithmetic must stay finite. */
const hidden = -3e38;

export function attendBlock(q: tf.Tensor, k: tf.Tensor, v: tf.Tensor, rule: BlockRule): PartialAttention {
  return tf.tidy(() => {
    const logits = logitsOf(q, k, rule);
    const largest = tf.max(logits, -1, true);
    const exponentials = tf.exp(tf.sub(logits, largest));
    const total = tf.sum(exponentials, -1, true);
    const sum = tf.reshape(tf.matMul(stacked(exponentials, k), v), q.shape);
    return { out: tf.div(sum, total), logSum: tf.add(largest, tf.log(total)) };
  });
}

/** Both sets of keys together: each result weighs as much as its exponentials. */
export function mergePartial(a: PartialAttention, b: PartialAttention): PartialAttention {
  return tf.tidy(() => {
    const larger = tf.maximum(a.logSum, b.logSum);
    const total = tf.add(tf.exp(tf.sub(a.logSum, larger)), tf.exp(tf.sub(b.logSum, larger)));
    const logSum = tf.add(larger, tf.log(total));
    const share = (part: PartialAttention) => tf.mul(part.out, tf.exp(tf.sub(part.logSum, logSum)));
    return { out: tf.add(share(a), share(b)), logSum };
  });
}

/**
 * Gradients through one block of keys, given what all blocks gave together.
 * @param dOut [B,H,T,D] @param logSum of all keys @param along sum of dOut · out over D, [B,H,T,1]
 */
export function blockGradients(
  [q, k, v]: readonly [tf.Tensor, tf.Tensor, tf.Tensor],
  { dOut, logSum, along }: { dOut: tf.Tensor; logSum: tf.Tensor; along: tf.Tensor },
  rule: BlockRule,
): { dq: tf.Tensor; dk: tf.Tensor; dv: tf.Tensor } {
  return tf.tidy(() => {
    const weights = tf.exp(tf.sub(logitsOf(q, k, rule), logSum));
    const dv = tf.matMul(stacked(weights, k), stacked(dOut, k), true, false);
    const dWeights = tf.reshape(tf.matMul(stacked(dOut, k), v, false, true), weights.shape);
    const dLogits = stacked(tf.mul(tf.mul(weights, tf.sub(dWeights, along)), rule.scale), k);
    const dq = tf.reshape(tf.matMul(dLogits, k), q.shape);
    return { dq, dk: tf.matMul(dLogits, stacked(q, k), true, false), dv };
  });
}

/** [B,H,T,...] with the query heads of a key/value head one below the other: [B,K,H/K T,...]. */
function stacked(x: tf.Tensor, k: tf.Tensor): tf.Tensor {
  const [B, H, T, last] = x.shape as [number, number, number, number];
  const K = k.shape[1]!;
  return tf.reshape(x, [B, K, (H / K) * T, last]);
}

/** [B,H,T,S] */
function logitsOf(q: tf.Tensor, k: tf.Tensor, { scale, causal }: BlockRule): tf.Tensor {
  const [B, H, T] = q.shape as [number, number, number];
  const S = k.shape[2]!;
  const products = tf.reshape(tf.matMul(stacked(q, k), k, false, true), [B, H, T, S]);
  const logits = tf.mul(products, scale);
  if (!causal) return logits;
  const past = tf.lessEqual(tf.range(0, S, 1, 'int32'), tf.reshape(tf.range(0, T, 1, 'int32'), [T, 1]));
  return tf.where(past, logits, tf.fill(logits.shape, hidden));
}
