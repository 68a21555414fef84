/** Targets of a prediction: what is checked of them, which count, and the mean over those that do. */
import { type HalfTensor, isHalf } from '../../compute/half/half-tensor.js';
import { requireFloat32, sameShape, shown } from '../../compute/shapes.js';
import { tf } from '../../compute/tf.js';

export interface TargetOptions {
  /** Positions with this target count for nothing. Default -100, as in PyTorch. */
  ignoreIndex?: number;
}

/** PyTorch's mark of a position without a target. */
export const ignored = -100;

/** @throws TypeError for other dtypes; RangeError when there is not one target per position, or no vocabulary. */
export function checkTargets(caller: string, logits: tf.Tensor | HalfTensor, targets: tf.Tensor): void {
  if (!isHalf(logits)) requireFloat32(caller, { logits });
  requireInt32(caller, { targets });
  if (logits.shape.length < 1 || !sameShape(logits.shape.slice(0, -1), targets.shape)) {
    throw new RangeError(
      `${caller}: logits [...,V] need one target per position, got logits ${shown(logits.shape)} and targets ${shown(targets.shape)}`,
    );
  }
  if (logits.shape.at(-1) === 0) {
    throw new RangeError(`${caller}: there is no vocabulary: V = 0 in logits ${shown(logits.shape)}`);
  }
}

/** @throws TypeError when a tensor of token ids is no int32 tensor. */
export function requireInt32(caller: string, tensors: Record<string, tf.Tensor>): void {
  for (const [name, tensor] of Object.entries(tensors)) {
    if (tensor?.dtype === 'int32') continue;
    throw new TypeError(
      `${caller}: ${name} must be an int32 tensor of token ids, got ${tensor?.dtype ?? typeof tensor}; convert it with ${name}.toInt()`,
    );
  }
}

/** Whether a mask lets each position pass: 1 or true; any dtype but that of half tensors. The shape of the mask. */
export function passes(mask: tf.Tensor): tf.Tensor {
  return tf.notEqual(
    mask.dtype === 'bool' ? mask.toInt() : mask,
    tf.scalar(0, mask.dtype === 'float32' ? 'float32' : 'int32'),
  );
}

/** 1 where a position counts, 0 where it is ignored; the shape of targets, float32. */
export function counted(targets: tf.Tensor, ignoreIndex: number): tf.Tensor {
  return tf.notEqual(targets, tf.scalar(ignoreIndex, 'int32')).toFloat();
}

/** total / count, NaN where nothing counts. */
export function shareOf(total: tf.Tensor, count: tf.Tensor): tf.Tensor {
  // 0/0 is spelled out: a GPU may give anything for it.
  const some = tf.greater(count, 0);
  const share = tf.div(total, tf.where(some, count, tf.onesLike(count)));
  return tf.where(some, share, tf.fill(share.shape, Number.NaN));
}
