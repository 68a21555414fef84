/** How well next tokens are predicted: perplexity, bits per byte, accuracy. All pool over tokens before they divide. */
import { toFloat } from '../../compute/half/convert.js';
import { type HalfTensor, isHalf } from '../../compute/half/half-tensor.js';
import { shown } from '../../compute/shapes.js';
import { tf } from '../../compute/tf.js';
import { crossEntropy } from '../loss/cross-entropy.js';
import {
  checkTargets,
  counted,
  ignored,
  requireInt32,
  shareOf,
  type TargetOptions,
} from '../loss/targets.js';

/**
 * exp of the mean cross-entropy: the number of equally likely tokens that would be as hard to predict. Average the loss
 * over tokens first, as here; perplexities must not be averaged.
 * @returns a scalar; NaN where no position counts
 * @throws as `crossEntropy`
 */
export function perplexity(
  logits: tf.Tensor | HalfTensor,
  targets: tf.Tensor,
  options: TargetOptions = {},
): tf.Tensor {
  checkTargets('perplexity', logits, targets);
  return tf.tidy(() => tf.exp(crossEntropy(logits, targets, { ignoreIndex: options.ignoreIndex })));
}

/**
 * The share of counted positions whose largest logit is the target's; of equal logits the first. Not differentiable.
 * @returns a scalar in [0, 1]; NaN where no position counts
 * @throws as `crossEntropy`
 */
export function tokenAccuracy(
  logits: tf.Tensor | HalfTensor,
  targets: tf.Tensor,
  options: TargetOptions = {},
): tf.Tensor {
  checkTargets('tokenAccuracy', logits, targets);
  const { ignoreIndex = ignored } = options;
  return tf.tidy(() => {
    const counts = counted(targets, ignoreIndex);
    if (targets.size === 0) return tf.scalar(Number.NaN);
    const right = tf.equal(tf.argMax(isHalf(logits) ? toFloat(logits) : logits, -1), targets).toFloat();
    return shareOf(tf.sum(tf.mul(right, counts)), tf.sum(counts));
  });
}

/**
 * Bits per byte of text: total loss in nats / (ln 2 * bytes). Unlike perplexity it does not depend on the tokenizer,
 * so it compares models that cut the text differently.
 * @param nats the summed (not averaged) negative log-likelihood of the text
 * @param text the text itself, or its length in UTF-8 bytes
 * @throws RangeError when there are no bytes or nats is negative.
 */
export function bitsPerByte(nats: number, text: string | number): number {
  const bytes = typeof text === 'string' ? new TextEncoder().encode(text).length : text;
  if (!(bytes > 0 && Number.isFinite(bytes))) {
    throw new RangeError(`bitsPerByte: needs a text of at least one byte, got ${bytes} bytes`);
  }
  if (!(nats >= 0)) throw new RangeError(`bitsPerByte: nats must be a total loss >= 0, got ${nats}`);
  return nats / (Math.LN2 * bytes);
}

/**
 * Bits per byte of predicted tokens: nats / (ln 2 * bytes), both summed over the positions that count. A token of 0 bytes
 * (such as one that begins a text) counts in neither.
 * @param logits [...,V] @param targets [...], int32 @param tokenBytes [V], int32: the length of every token in UTF-8 bytes
 * @returns a scalar; NaN where nothing counts; differentiable in the logits
 * @throws as `crossEntropy`; RangeError when there is not one length per token of the vocabulary.
 */
export function tokenBitsPerByte(
  logits: tf.Tensor | HalfTensor,
  targets: tf.Tensor,
  tokenBytes: tf.Tensor,
  options: TargetOptions = {},
): tf.Tensor {
  checkTargets('tokenBitsPerByte', logits, targets);
  requireInt32('tokenBitsPerByte', { tokenBytes });
  const V = logits.shape.at(-1)!;
  if (tokenBytes.shape.length !== 1 || tokenBytes.size !== V) {
    throw new RangeError(
      `tokenBitsPerByte: tokenBytes must be [V] = [${V}], the bytes of every token, got ${shown(tokenBytes.shape)}`,
    );
  }
  const { ignoreIndex = ignored } = options;
  return tf.tidy(() => {
    const zero = tf.scalar(0, 'int32');
    const inside = tf.logicalAnd(tf.greaterEqual(targets, zero), tf.less(targets, tf.scalar(V, 'int32')));
    const found = tf.gather(tokenBytes, tf.where(inside, targets, tf.zerosLike(targets)).flatten());
    // What is outside the vocabulary is given a byte, so that its NaN is seen.
    const bytes = tf.where(inside, tf.reshape(found, targets.shape), tf.onesLike(targets));
    const mark = tf.fill(targets.shape, ignoreIndex, 'int32');
    const counting = tf.where(tf.equal(bytes, zero), mark, targets);
    const total = tf.sum(tf.mul(bytes.toFloat(), counted(counting, ignoreIndex)));
    const nats = crossEntropy(logits, counting, { ignoreIndex, reduction: 'sum' });
    return shareOf(nats, tf.mul(total, Math.LN2));
  });
}
