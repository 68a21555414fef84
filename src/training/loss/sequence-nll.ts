/** The negative log-likelihood of whole sequences, as losses on preferences and rewards read it. */
import type { HalfTensor } from '../../compute/half/half-tensor.js';
import type { KernelPath } from '../../compute/path.js';
import { sameShape, shown } from '../../compute/shapes.js';
import { tf } from '../../compute/tf.js';
import { crossEntropy } from './cross-entropy.js';
import { checkTargets, counted, ignored, passes, shareOf } from './targets.js';

export interface SequenceNllOptions {
  /** [B,T]: 1 where a label counts. Default all but those that are -100. */
  mask?: tf.Tensor;
  /** Divides by the number of labels that count, so that length does not decide; NaN without any. Default false. */
  average?: boolean;
  path?: KernelPath;
}

/**
 * Minus the sum over each sequence of log softmax(logits)[label], without a shift: labels are those of their own position.
 * @param logits [B,T,V], float32 or a half tensor @param labels [B,T], int32; -100 never counts
 * @returns [B], in nats; differentiable in the logits
 * @throws as `crossEntropy`; RangeError when labels are not [B,T] or the mask has another shape.
 */
export function sequenceNll(
  logits: tf.Tensor | HalfTensor,
  labels: tf.Tensor,
  options: SequenceNllOptions = {},
): tf.Tensor {
  const { mask, average = false, path } = options;
  checkTargets('sequenceNll', logits, labels);
  if (labels.rank !== 2 || (mask && !sameShape(mask.shape, labels.shape))) {
    throw new RangeError(
      `sequenceNll: labels and mask must be [B,T], got ${shown(labels.shape)}${mask ? ` and ${shown(mask.shape)}` : ''}`,
    );
  }
  return tf.tidy(() => {
    const none = tf.fill(labels.shape, ignored, 'int32');
    const counting = mask ? tf.where(passes(mask), labels, none) : labels;
    const total = tf.sum(crossEntropy(logits, counting, { reduction: 'none', path }), -1);
    return average ? shareOf(total, tf.sum(counted(counting, ignored), -1)) : total;
  });
}
