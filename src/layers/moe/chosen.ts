/** Choices as masks: which experts, in which order, and who fits. Step functions: their gradients are 0. */
import { withGradient } from '../../compute/gradient.js';
import { tf } from '../../compute/tf.js';

/**
 * The topK largest of each row of scores [...,E], best first; of equal ones the first.
 * @returns mask [...,topK,E], 1 where choice k is expert e; indices [...,topK]
 */
export function rankedChoices(scores: tf.Tensor, topK: number): { mask: tf.Tensor; indices: tf.Tensor } {
  const E = scores.shape.at(-1)!;
  const leading = scores.shape.slice(0, -1);
  const shape = [...leading, topK];
  // Of no rows tfjs's topk throws on webgpu.
  if (scores.size === 0) return { mask: tf.zeros([...shape, E]), indices: tf.zeros(shape, 'int32') };
  const indices = withoutGradient(scores, () => tf.topk(scores, topK).indices);
  const mask = withoutGradient(scores, () => {
    const hits = tf.equal(tf.reshape(indices, [...shape, 1]), tf.range(0, E, 1, 'int32'));
    return tf.cast(hits, 'float32');
  });
  return { mask, indices };
}

/**
 * Each expert takes the first `capacity` of those who want it, along an axis in which they stand in line.
 * @param wanted [...,n,...,E], 1 where the n-th wants the expert
 * @returns the mask without those who come too late
 */
export function withinCapacity(wanted: tf.Tensor, capacity: number, axis: number): tf.Tensor {
  return withoutGradient(wanted, () => {
    const before = tf.cumsum(wanted, axis, true);
    return tf.mul(wanted, tf.cast(tf.less(before, capacity), 'float32'));
  });
}

function withoutGradient(input: tf.Tensor, compute: () => tf.Tensor): tf.Tensor {
  const { shape } = input; // when the gradient is asked for, the input may be freed
  return withGradient([input], () => ({ value: compute(), gradient: () => [tf.zeros(shape)] }));
}
