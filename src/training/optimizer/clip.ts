/**
 * Clipping by the global norm (Pascanu et al. 2013, arXiv:1211.5063): all gradients are scaled by one factor where their norm, over
 * all of them together, exceeds a limit; their direction stays. Gradients of a scaled loss must be unscaled first.
 */
import { toFloat, toHalf } from '../../compute/half/convert.js';
import { type HalfTensor, isHalf } from '../../compute/half/half-tensor.js';
import { requireFloat32 } from '../../compute/shapes.js';
import { tf } from '../../compute/tf.js';

export interface NormOptions {
  /** 2: the root of the sum of squares (default). Infinity: the largest magnitude. */
  normType?: 2 | typeof Infinity;
}

export interface Clipped<Gradient extends tf.Tensor | HalfTensor> {
  /** Before clipping, a scalar. */
  norm: tf.Tensor;
  /** Times min(1, maxNorm / (norm + 1e-6)), in order. */
  gradients: Gradient[];
}

/**
 * As PyTorch's clip_grad_norm_, but the given gradients stay. An infinite gradient makes the factor 0 and its own place NaN; a NaN
 * makes all NaN. Nothing is read back from the device.
 * @throws TypeError when a gradient is neither float32 nor a half tensor; RangeError when maxNorm is negative or NaN.
 */
export function clipGradNorm<Gradient extends tf.Tensor | HalfTensor>(
  gradients: readonly Gradient[],
  maxNorm: number,
  options: NormOptions = {},
): Clipped<Gradient> {
  if (!(maxNorm >= 0)) throw new RangeError(`clipGradNorm: maxNorm must be a number >= 0, got ${maxNorm}`);
  const made = tf.tidy(() => {
    const norm = gradientNorm(gradients, options);
    const factor = clippingFactor(norm, maxNorm);
    const clipped = gradients.map((gradient) =>
      isHalf(gradient) ? toHalf(tf.mul(toFloat(gradient), factor)) : tf.mul(gradient as tf.Tensor, factor),
    );
    return { norm, clipped: clipped as tf.TensorContainer[] };
  });
  return { norm: made.norm, gradients: made.clipped as unknown as Gradient[] };
}

/**
 * The norm of all tensors as one vector, a scalar; 0 of none. Squares are taken of numbers at most 1, so that large ones do not
 * overflow and small ones do not vanish.
 * @throws TypeError when a tensor is neither float32 nor a half tensor; RangeError for another kind of norm.
 */
export function gradientNorm(
  tensors: readonly (tf.Tensor | HalfTensor)[],
  options: NormOptions = {},
): tf.Tensor {
  const { normType = 2 } = options;
  if (normType !== 2 && normType !== Number.POSITIVE_INFINITY) {
    throw new RangeError(`gradientNorm: normType must be 2 or Infinity, got ${normType}`);
  }
  for (const tensor of tensors) if (!isHalf(tensor)) requireFloat32('gradientNorm', { gradient: tensor });
  return tf.tidy(() => {
    const parts = tensors
      .map((tensor) => (isHalf(tensor) ? toFloat(tensor) : tensor))
      .filter(({ size }) => size > 0);
    if (parts.length === 0) return tf.scalar(0);
    const largest = tf.max(tf.stack(parts.map((part) => tf.max(tf.abs(part)))));
    // A maximum may pass over NaN, a sum does not.
    const unknown = tf.any(tf.stack(parts.map((part) => tf.any(tf.isNaN(part)))));
    const isNumber = tf.logicalNot(unknown);
    if (normType === Number.POSITIVE_INFINITY) return tf.where(isNumber, largest, tf.scalar(Number.NaN));
    const usable = tf.logicalAnd(tf.greater(largest, 0), tf.less(largest, Number.POSITIVE_INFINITY));
    const unit = tf.where(usable, largest, tf.scalar(1));
    const sums = parts.map((part) => tf.sum(tf.square(tf.div(part, unit))));
    const norm = tf.mul(tf.sqrt(tf.addN(sums)), unit);
    return tf.where(tf.equal(largest, Number.POSITIVE_INFINITY), tf.where(isNumber, largest, norm), norm);
  });
}

function clippingFactor(norm: tf.Tensor, maxNorm: number): tf.Tensor {
  const finite = tf.less(norm, Number.POSITIVE_INFINITY);
  // A GPU may give anything for a quotient by infinity, and a minimum may pass over NaN.
  const share = tf.div(maxNorm, tf.add(tf.where(finite, norm, tf.scalar(1)), 1e-6));
  const factor = tf.where(finite, tf.minimum(share, 1), tf.scalar(0));
  return tf.where(tf.isNaN(norm), tf.scalar(Number.NaN), factor);
}
