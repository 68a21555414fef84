/** Masked language modelling (Devlin et al. 2018, BERT, arXiv:1810.04805): hidden tokens are predicted where they stand. */
import type { HalfTensor } from '../../compute/half/half-tensor.js';
import type { tf } from '../../compute/tf.js';
import { type CrossEntropyOptions, crossEntropy } from './cross-entropy.js';
import { checkTargets } from './targets.js';

/**
 * The mean loss of the tokens that were chosen to be predicted. Nothing is shifted: a bidirectional model sees what is on both
 * sides of a position, and predicts that position.
 * @param logits [B,T,V] @param labels [B,T], int32: the token that was there, or ignoreIndex where none is asked for
 * @returns as `crossEntropy`
 * @throws as `crossEntropy`.
 */
export function maskedLmLoss(
  logits: tf.Tensor | HalfTensor,
  labels: tf.Tensor,
  options: CrossEntropyOptions = {},
): tf.Tensor {
  checkTargets('maskedLmLoss', logits, labels);
  return crossEntropy(logits, labels, options);
}
