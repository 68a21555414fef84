/** The loss of supervised fine-tuning: answers are learned, prompts, padding and other sequences of the row are not. */
import type { HalfTensor } from '../../compute/half/half-tensor.js';
import { sameShape, shown } from '../../compute/shapes.js';
import { tf } from '../../compute/tf.js';
import { type CrossEntropyOptions, crossEntropy } from './cross-entropy.js';
import { type NextTokenOptions, nextTokenTargets } from './next-token.js';

export interface SftOptions
  extends Pick<NextTokenOptions, 'cuSeqLens'>,
    Omit<CrossEntropyOptions, 'ignoreIndex'> {}

/**
 * The mean over answer tokens of -log p(ids[t]), read from the logits at t - 1.
 * @param logits [B,T,V], or [T,V] of one row of packed sequences @param ids [B,T] or [T], int32
 * @param lossMask as ids: 1 for answer tokens, 0 for the prompt and for padding; any number type or bool
 * @returns a scalar, NaN where there is no answer token; or [B,T] with reduction 'none', each loss where it is read
 * @throws as `crossEntropy` and `nextTokenTargets`.
 */
export function sftLoss(
  logits: tf.Tensor | HalfTensor,
  ids: tf.Tensor,
  lossMask: tf.Tensor,
  options: SftOptions = {},
): tf.Tensor {
  const { cuSeqLens, ...loss } = options;
  if (!sameShape(logits.shape.slice(0, -1), ids.shape)) {
    throw new RangeError(
      `sftLoss: logits [...,T,V] need one id per position, got logits ${shown(logits.shape)} and ids ${shown(ids.shape)}`,
    );
  }
  return tf.tidy(() => crossEntropy(logits, nextTokenTargets(ids, { lossMask, cuSeqLens }), loss));
}
