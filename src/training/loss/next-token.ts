/** Targets of next-token prediction: position t is asked for the token at t + 1, and the shift is made once, here. */
import { shown } from '../../compute/shapes.js';
import { tf } from '../../compute/tf.js';
import { ignored, passes, requireInt32 } from './targets.js';

export interface NextTokenOptions {
  /** [...,T], the shape of ids: 1 where a token is to be predicted (an answer), 0 where it is only read. Default all. */
  lossMask?: tf.Tensor;
  /**
   * Of sequences packed into one row [T]: where each begins, and the end of the last, 0 first. No token is predicted from
   * another sequence.
   */
  cuSeqLens?: tf.Tensor | readonly number[];
  /** What a position without a target gets. Default -100. */
  ignoreIndex?: number;
}

/**
 * targets[t] = ids[t + 1]; ignored at the end of a row or sequence, and where the next token is masked.
 * @param ids [...,T], int32 @returns [...,T], int32, for `crossEntropy` of unshifted logits
 * @throws TypeError when ids are not int32; RangeError when the mask has another shape, or packed ids are not one row.
 */
export function nextTokenTargets(ids: tf.Tensor, options: NextTokenOptions = {}): tf.Tensor {
  const { lossMask, cuSeqLens, ignoreIndex = ignored } = options;
  requireInt32('nextTokenTargets', { ids });
  if (ids.rank === 0) throw new RangeError('nextTokenTargets: ids must be [...,T], got a scalar');
  if (lossMask && shown(lossMask.shape) !== shown(ids.shape)) {
    throw new RangeError(
      `nextTokenTargets: lossMask must have the shape of ids, got ${shown(lossMask.shape)} and ${shown(ids.shape)}`,
    );
  }
  if (cuSeqLens && ids.rank !== 1) {
    throw new RangeError(
      `nextTokenTargets: packed ids are one row [T], got ${shown(ids.shape)}; without cuSeqLens every row is a sequence`,
    );
  }
  return tf.tidy(() => {
    let wanted = ids;
    const none = tf.fill(ids.shape, ignoreIndex, 'int32');
    if (lossMask) wanted = tf.where(passes(lossMask), wanted, none);
    if (cuSeqLens) wanted = tf.where(firstOfSequence(ids.size, cuSeqLens), none, wanted);
    const T = ids.shape.at(-1)!;
    if (ids.size === 0) return tf.clone(ids);
    const rows = tf.reshape(wanted, [ids.size / T, T]) as tf.Tensor2D;
    const end = tf.fill([rows.shape[0], 1], ignoreIndex, 'int32') as tf.Tensor2D;
    return tf.reshape(tf.concat([tf.slice(rows, [0, 1]), end], 1), ids.shape);
  });
}

/** Where a sequence begins, [T] bool. */
function firstOfSequence(T: number, cuSeqLens: tf.Tensor | readonly number[]): tf.Tensor {
  if ('dtype' in cuSeqLens) requireInt32('nextTokenTargets', { cuSeqLens });
  const starts = 'dtype' in cuSeqLens ? cuSeqLens : tf.tensor1d([...cuSeqLens], 'int32');
  const places = tf.reshape(tf.range(0, T, 1, 'int32'), [T, 1]);
  return tf.any(tf.equal(places, tf.reshape(starts, [1, starts.size])), 1);
}
