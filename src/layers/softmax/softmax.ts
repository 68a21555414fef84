/**
 * Softmax over the last axis: y_i = e^(x_i - m) / sum_j e^(x_j - m) with m = max x. Subtracting m changes nothing in exact
 * arithmetic and keeps every exponential at most 1. Gradient: dx = y (dy - sum(y dy)), the Jacobian diag(y) - y y^T
 * applied without building it.
 */

import { withGradient } from '../../compute/gradient.js';
import { toFloat } from '../../compute/half/convert.js';
import { halfResult } from '../../compute/half/half-result.js';
import { type HalfTensor, isHalf } from '../../compute/half/half-tensor.js';
import { type NdArray, ndarray } from '../../compute/ndarray.js';
import { choosePath, type KernelPath } from '../../compute/path.js';
import { requireFloat32, sameShape, shown } from '../../compute/shapes.js';
import { tf } from '../../compute/tf.js';
import { runSoftmax, softmaxKernel } from './softmax.wgsl.js';

export interface SoftmaxOptions {
  path?: KernelPath;
}

/**
 * A row that is -Infinity throughout, or holds NaN or Infinity, becomes NaN, as in PyTorch.
 * @param x [..., C], float32, or a half tensor, which is computed in float32 and rounded once
 * @returns [..., C], rows that sum to 1, of the kind of x; differentiable for float32
 * @throws TypeError when x is not float32; RangeError when it is a scalar; Error when path 'fused' is asked for on a
 *   backend without the kernel.
 */
export function softmax(x: HalfTensor, options?: SoftmaxOptions): HalfTensor;
export function softmax(x: tf.Tensor, options?: SoftmaxOptions): tf.Tensor;
export function softmax(x: tf.Tensor | HalfTensor, { path }: SoftmaxOptions = {}): tf.Tensor | HalfTensor {
  if (isHalf(x)) {
    requireRows('softmax', x.shape);
    const fused = () => runSoftmax(x.packed, x.shape);
    return halfResult('softmax', softmaxKernel, path, x.shape, fused, () => softmax(toFloat(x), { path }));
  }
  requireFloat32('softmax', { x });
  requireRows('softmax', x.shape);
  const chosen = choosePath('softmax', softmaxKernel, path);
  return chosen === 'fused' && x.size > 0 ? runSoftmax(x) : composed(x);
}

function requireRows(caller: string, shape: readonly number[]): void {
  if (shape.length === 0) {
    throw new RangeError(
      `${caller}: x must be [..., C] with at least one axis, got a scalar; reshape it to [1]`,
    );
  }
}

function composed(x: tf.Tensor): tf.Tensor {
  return withGradient([x], (save) => {
    if (x.size === 0) return { value: tf.zeros(x.shape), gradient: () => [tf.zeros(x.shape)] };
    const weights = tf.exp(tf.sub(x, tf.max(x, -1, true)));
    const value = tf.div(weights, tf.sum(weights, -1, true));
    save([value]);
    return {
      value,
      gradient: (dy, [y]) => [tf.mul(y!, tf.sub(dy, tf.sum(tf.mul(y!, dy), -1, true)))],
    };
  });
}

/** Softmax in float64 with plain loops; x [..., C]. */
export function softmaxOracle(x: NdArray): NdArray {
  requireRows('softmaxOracle', x.shape);
  const C = x.shape[x.shape.length - 1]!;
  const y = ndarray(x.shape);
  for (let row = 0; row < x.data.length; row += C) {
    let largest = Number.NEGATIVE_INFINITY;
    for (let c = 0; c < C; c++) largest = Math.max(largest, x.data[row + c]!);
    let sum = 0;
    for (let c = 0; c < C; c++) sum += Math.exp(x.data[row + c]! - largest);
    for (let c = 0; c < C; c++) y.data[row + c] = Math.exp(x.data[row + c]! - largest) / sum;
  }
  return y;
}

/** Gradient of sum(dy * softmax(x)) with respect to x, in float64: the Jacobian summed entry by entry. */
export function softmaxGradientOracle(x: NdArray, dy: NdArray): NdArray {
  if (!sameShape(x.shape, dy.shape)) {
    throw new RangeError(
      `softmaxGradientOracle: x and dy must have one shape, got x ${shown(x.shape)} and dy ${shown(dy.shape)}`,
    );
  }
  const C = x.shape[x.shape.length - 1]!;
  const y = softmaxOracle(x);
  const dx = ndarray(x.shape);
  for (let row = 0; row < x.data.length; row += C) {
    for (let i = 0; i < C; i++) {
      for (let j = 0; j < C; j++) {
        const jacobian = y.data[row + j]! * ((i === j ? 1 : 0) - y.data[row + i]!);
        dx.data[row + i]! += jacobian * dy.data[row + j]!;
      }
    }
  }
  return dx;
}
