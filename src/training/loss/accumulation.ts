/**
 * Gradient accumulation: a batch computed in micro-batches. The loss of the batch is the sum over all tokens divided by the
 * number of all tokens that count. The mean of the micro-batches' means is another number where they hold different counts:
 * it weighs a token in a short micro-batch more.
 */
import { shown } from '../../compute/shapes.js';
import { tf } from '../../compute/tf.js';
import { ignored, requireInt32, shareOf } from './targets.js';

/**
 * The loss of the whole batch from the sums of its micro-batches.
 * @param sums a scalar per micro-batch: `crossEntropy(..., { reduction: 'sum' })` @param count tokens that count, in all of them
 * @returns a scalar, NaN where none counts; its gradient is that of the whole batch
 * @throws RangeError when there is no micro-batch, or one has no scalar.
 */
export function accumulatedLoss(sums: readonly tf.Tensor[], count: number | tf.Tensor): tf.Tensor {
  const wrong = sums.find((sum) => sum.size !== 1);
  if (sums.length === 0 || wrong) {
    throw new RangeError(
      `accumulatedLoss: needs one summed loss per micro-batch, got ${wrong ? `one of shape ${shown(wrong.shape)}; take reduction 'sum'` : 'none'}`,
    );
  }
  return tf.tidy(() => {
    const total = tf.addN(sums.map((sum) => tf.reshape(sum, [])));
    return shareOf(total, typeof count === 'number' ? tf.scalar(count) : tf.reshape(count, []));
  });
}

/**
 * Tokens that count: a batch's divisor, known before its first micro-batch is computed.
 * @param targets int32 @returns a scalar, float32
 */
export function countTargets(targets: tf.Tensor, ignoreIndex = ignored): tf.Tensor {
  requireInt32('countTargets', { targets });
  return tf.tidy(() => tf.sum(tf.notEqual(targets, tf.scalar(ignoreIndex, 'int32')).toFloat()));
}

export interface Accumulated {
  /** Of the whole batch, a scalar. */
  loss: tf.Tensor;
  /** Of the whole batch, in the order of the variables. */
  gradients: tf.Tensor[];
}

/**
 * Loss and gradients of a batch, one micro-batch at a time: only one's activations are alive.
 * @param variables what is trained @param microBatches what `sumOf` is called with, in order
 * @param sumOf the summed loss of a micro-batch @param count tokens that count, in all micro-batches
 * @throws RangeError when there is no micro-batch or the count is no positive number: nothing would be learned.
 */
export function accumulateGradients<Batch>(
  variables: readonly tf.Variable[],
  microBatches: readonly Batch[],
  sumOf: (batch: Batch) => tf.Tensor,
  count: number,
): Accumulated {
  if (microBatches.length === 0 || !(count > 0 && Number.isFinite(count))) {
    throw new RangeError(
      `accumulateGradients: needs a micro-batch and a token that counts, got ${microBatches.length} micro-batches and ${count} tokens`,
    );
  }
  let held: tf.Tensor[] | undefined;
  for (const batch of microBatches) {
    const made: tf.Tensor[] = tf.tidy(() => {
      const share = () => tf.div(sumOf(batch), count) as tf.Scalar;
      const { value, grads } = tf.variableGrads(share, [...variables]);
      const own = [value, ...variables.map((variable) => grads[variable.name] ?? tf.zeros(variable.shape))];
      return held ? own.map((tensor, n) => tf.add(tensor, held![n]!)) : own;
    });
    tf.dispose(held ?? []);
    held = made;
  }
  const [loss, ...gradients] = held as [tf.Tensor, ...tf.Tensor[]];
  return { loss, gradients };
}
