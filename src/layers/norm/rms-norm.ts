/**
 * RMSNorm, root mean square layer normalisation (Zhang & Sennrich 2019, arXiv:1910.07467):
 * y = gain * x / sqrt(mean(x^2) + eps) over the last axis. No mean is subtracted and there is no bias.
 * Gradient, with r = 1/sqrt(mean(x^2) + eps) and n = x r:
 * dx = r (gain dy - n mean(gain dy n)), dgain = sum over rows of dy n.
 */

import { withGradient } from '../../compute/gradient.js';
import { toFloat } from '../../compute/half/convert.js';
import { halfResult, requireHalf } from '../../compute/half/half-result.js';
import { type HalfTensor, isHalf } from '../../compute/half/half-tensor.js';
import { type NdArray, ndarray } from '../../compute/ndarray.js';
import { choosePath, type KernelPath } from '../../compute/path.js';
import { requireFloat32, shown } from '../../compute/shapes.js';
import { tf } from '../../compute/tf.js';
import { rmsNormKernel, runRmsNorm } from './row-norm.wgsl.js';
import { requireEps, rowScale } from './row-scale.js';

export interface RmsNormOptions {
  /** Added to the mean square, inside the root. Default 1e-6. */
  eps?: number;
  path?: KernelPath;
}

/**
 * Normalises each row of `x` by its root mean square and multiplies by `gain`.
 * Rows whose squares leave the range of float32 are rescaled by a power of two first, so huge rows stay right.
 * @param x [..., C], float32; @param gain [C], float32; or both half tensors, computed in float32 and rounded once
 * @returns [..., C] of the kind of the inputs, differentiable in both for float32
 * @throws TypeError when an input is not float32; RangeError when `gain` is not [C] or `eps` is negative;
 *   Error when path 'fused' is asked for on a backend without the kernel.
 */
export function rmsNorm(x: HalfTensor, gain: HalfTensor, options?: RmsNormOptions): HalfTensor;
export function rmsNorm(x: tf.Tensor, gain: tf.Tensor, options?: RmsNormOptions): tf.Tensor;
export function rmsNorm(
  x: tf.Tensor | HalfTensor,
  gain: tf.Tensor | HalfTensor,
  options: RmsNormOptions = {},
): tf.Tensor | HalfTensor {
  const { eps = 1e-6, path } = options;
  if (isHalf(x) || isHalf(gain)) {
    requireHalf('rmsNorm', { x, gain });
    checkShapes(x.shape, gain.shape, eps);
    const [rows, scale] = [x as HalfTensor, gain as HalfTensor];
    const fused = () => runRmsNorm(rows.packed, scale.packed, eps, rows.shape);
    const floats = () => rmsNorm(toFloat(rows), toFloat(scale), options);
    return halfResult('rmsNorm', rmsNormKernel, path, x.shape, fused, floats);
  }
  requireFloat32('rmsNorm', { x, gain });
  checkShapes(x.shape, gain.shape, eps);
  const chosen = choosePath('rmsNorm', rmsNormKernel, path);
  return chosen === 'fused' && x.size > 0 ? runRmsNorm(x, gain, eps) : composed(x, gain, eps);
}

function checkShapes(x: readonly number[], gain: readonly number[], eps: number): void {
  if (x.length < 1 || gain.length !== 1 || gain[0] !== x[x.length - 1]) {
    throw new RangeError(
      `rmsNorm: gain must be [C] with C the last axis of x, got x ${shown(x)} and gain ${shown(gain)}`,
    );
  }
  requireEps('rmsNorm', eps);
}

/** The same from tfjs operations, for every backend. The gradient is written out: exact, and two saved tensors. */
function composed(x: tf.Tensor, gain: tf.Tensor, eps: number): tf.Tensor {
  const { shape } = x;
  const [C] = gain.shape;
  return withGradient([x, gain], (save) => {
    if (x.size === 0) return { value: tf.zeros(shape), gradient: () => [tf.zeros(shape), tf.zeros([C!])] };
    const { scale, scaledEps } = rowScale(x, eps);
    const scaled = tf.mul(x, scale);
    const inverse = tf.rsqrt(tf.add(tf.mean(tf.square(scaled), -1, true), scaledEps));
    const normalized = tf.mul(scaled, inverse);
    save([normalized, tf.mul(inverse, scale), gain]);
    return { value: tf.mul(normalized, gain), gradient: composedGradient };
  });
}

function composedGradient(dy: tf.Tensor, saved: tf.Tensor[]): tf.Tensor[] {
  const [normalized, inverse, gain] = saved as [tf.Tensor, tf.Tensor, tf.Tensor];
  const weighted = tf.mul(dy, gain);
  const along = tf.mean(tf.mul(weighted, normalized), -1, true);
  const dx = tf.mul(inverse, tf.sub(weighted, tf.mul(normalized, along)));
  const rows = tf.reshape(tf.mul(dy, normalized), [-1, gain.size]);
  return [dx, tf.sum(rows, 0)];
}

/** RMSNorm in float64 with plain loops; x [..., C], gain [C]. */
export function rmsNormOracle(x: NdArray, gain: NdArray, eps = 1e-6): NdArray {
  checkShapes(x.shape, gain.shape, eps);
  const C = gain.data.length;
  const y = ndarray(x.shape);
  for (let row = 0; row < x.data.length; row += C) {
    const inverse = inverseRms(x.data, row, C, eps);
    for (let c = 0; c < C; c++) y.data[row + c] = gain.data[c]! * x.data[row + c]! * inverse;
  }
  return y;
}

/** Gradients of sum(dy * rmsNorm(x, gain)) with respect to x and gain, in float64 with plain loops. */
export function rmsNormGradientOracle(
  x: NdArray,
  gain: NdArray,
  dy: NdArray,
  eps = 1e-6,
): { x: NdArray; gain: NdArray } {
  checkShapes(x.shape, gain.shape, eps);
  const C = gain.data.length;
  const dx = ndarray(x.shape);
  const dgain = ndarray(gain.shape);
  for (let row = 0; row < x.data.length; row += C) {
    const inverse = inverseRms(x.data, row, C, eps);
    let along = 0;
    for (let c = 0; c < C; c++) along += gain.data[c]! * dy.data[row + c]! * x.data[row + c]! * inverse;
    for (let c = 0; c < C; c++) {
      const normalized = x.data[row + c]! * inverse;
      dx.data[row + c] = inverse * (gain.data[c]! * dy.data[row + c]! - (normalized * along) / C);
      dgain.data[c]! += dy.data[row + c]! * normalized;
    }
  }
  return { x: dx, gain: dgain };
}

function inverseRms(x: Float64Array, start: number, C: number, eps: number): number {
  let squares = 0;
  for (let c = 0; c < C; c++) squares += x[start + c]! ** 2;
  return 1 / Math.sqrt(squares / C + eps);
}
