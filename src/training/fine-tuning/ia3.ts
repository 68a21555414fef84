/**
 * (IA)^3 (Liu et al. 2022, arXiv:2205.05638): a linear layer with one learned factor per output, or per input where the
 * layer is the second of a feed-forward block, so that the factors scale keys, values and hidden activations. All 1 at
 * the start.
 */

import { present, requireFloat32, sameShape, shown } from '../../compute/shapes.js';
import { tf } from '../../compute/tf.js';
import { linear } from '../../layers/linear/linear.js';

export interface Ia3Options {
  /** Scale the inputs. Default false: the outputs, bias included. */
  isFeedForward?: boolean;
  /** [out] */
  bias?: tf.Tensor;
}

/**
 * l * (x W^T + b), or (l * x) W^T + b.
 * @param x [..., in], float32 @param weight [out, in] @param l [out], or [in] with `isFeedForward`
 * @returns [..., out], differentiable in all
 * @throws TypeError when an input is not float32; RangeError when the shapes do not fit.
 */
export function ia3Linear(
  x: tf.Tensor,
  weight: tf.Tensor,
  l: tf.Tensor,
  { isFeedForward = false, bias }: Ia3Options = {},
): tf.Tensor {
  checkIa3('ia3Linear', weight, l, isFeedForward, bias);
  return tf.tidy(() =>
    isFeedForward ? linear(tf.mul(x, l), weight, bias) : tf.mul(linear(x, weight, bias), l),
  );
}

/** The weight, and the bias, with the factors multiplied in. */
export function mergeIa3(
  weight: tf.Tensor,
  l: tf.Tensor,
  { isFeedForward = false, bias }: Ia3Options = {},
): { weight: tf.Tensor; bias?: tf.Tensor } {
  checkIa3('mergeIa3', weight, l, isFeedForward, bias);
  return tf.tidy(() => {
    if (isFeedForward) return { weight: tf.mul(weight, l), ...(bias && { bias: tf.clone(bias) }) };
    return { weight: tf.mul(weight, tf.expandDims(l, 1)), ...(bias && { bias: tf.mul(bias, l) }) };
  });
}

function checkIa3(
  caller: string,
  weight: tf.Tensor,
  l: tf.Tensor,
  isFeedForward: boolean,
  bias?: tf.Tensor,
): void {
  requireFloat32(caller, { weight, l, ...present({ bias }) });
  const scaled = weight.shape[isFeedForward ? 1 : 0]!;
  if (weight.rank === 2 && sameShape(l.shape, [scaled])) return;
  throw new RangeError(
    `${caller}: l must be ${isFeedForward ? '[in]' : '[out]'} for a weight [out, in], got l ${shown(l.shape)}, weight ${shown(weight.shape)}`,
  );
}
