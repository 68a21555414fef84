/**
 * What layer, batch, instance and group normalisation share: each row of a matrix brought to mean 0 and variance 1.
 * Mean first, then the mean square of what is left (two passes): E[x^2] - E[x]^2 would cancel for rows far from zero.
 * Gradient, with n the result and s the factor 1/sqrt(var + eps): dx = s (dn - mean(dn) - n mean(dn n)).
 */

import { withGradient } from '../../compute/gradient.js';
import { requireFloat32, sameShape, shown } from '../../compute/shapes.js';
import { tf } from '../../compute/tf.js';
import { rowScale } from './row-scale.js';

/** rows [R,M], not empty -> [R,M], differentiable. */
export function standardizeRows(rows: tf.Tensor, eps: number): tf.Tensor {
  return withGradient([rows], (save) => {
    const { scale, scaledEps } = rowScale(rows, eps);
    const { centred, variance } = centre(tf.mul(rows, scale));
    const inverse = tf.rsqrt(tf.add(variance, scaledEps));
    const normalized = tf.mul(centred, inverse);
    save([normalized, tf.mul(inverse, scale)]);
    return { value: normalized, gradient };
  });
}

function gradient(dn: tf.Tensor, saved: tf.Tensor[]): tf.Tensor[] {
  const [normalized, inverse] = saved as [tf.Tensor, tf.Tensor];
  const along = tf.mul(normalized, rowMean(tf.mul(dn, normalized)));
  return [tf.mul(inverse, tf.sub(tf.sub(dn, rowMean(dn)), along))];
}

/** Mean and biased variance of each row [R,M], both [R]; not differentiable. */
export function rowStatistics(rows: tf.Tensor): { mean: tf.Tensor; variance: tf.Tensor } {
  const [R] = rows.shape as [number];
  const { scale } = rowScale(rows, 0);
  const { mean, variance } = centre(tf.mul(rows, scale));
  return {
    mean: tf.reshape(tf.div(mean, scale), [R]),
    variance: tf.reshape(tf.div(tf.div(variance, scale), scale), [R]),
  };
}

function centre(rows: tf.Tensor): { mean: tf.Tensor; centred: tf.Tensor; variance: tf.Tensor } {
  const mean = rowMean(rows);
  const centred = tf.sub(rows, mean);
  return { mean, centred, variance: rowMean(tf.square(centred)) };
}

function rowMean(rows: tf.Tensor): tf.Tensor {
  return tf.mul(tf.sum(rows, -1, true), 1 / rows.shape[rows.rank - 1]!);
}

/** The learned scale and shift of a normalisation; either may be left out. */
export interface Affine {
  gain?: tf.Tensor;
  bias?: tf.Tensor;
}

/** @throws TypeError when one is not float32; RangeError when it has not the wanted shape, named by its letters. */
export function checkAffine(
  caller: string,
  x: tf.Tensor,
  { gain, bias }: Affine,
  letters: string,
  shape: readonly number[],
): void {
  requireFloat32(caller, { ...(gain && { gain }), ...(bias && { bias }) });
  checkAffineShapes(caller, x.shape, { gain, bias }, letters, shape);
}

/** The same for tensors of any kind, of which only the shapes are looked at. */
export function checkAffineShapes(
  caller: string,
  x: readonly number[],
  affine: Record<'gain' | 'bias', { shape: readonly number[] } | undefined>,
  letters: string,
  shape: readonly number[],
): void {
  for (const [name, tensor] of Object.entries(affine)) {
    if (tensor === undefined || sameShape(tensor.shape, shape)) continue;
    throw new RangeError(
      `${caller}: ${name} must be ${letters} = ${shown(shape)} for x ${shown(x)}, got ${shown(tensor.shape)}`,
    );
  }
}

/** normalized * gain + bias, both reshaped to `shape` so that they broadcast. */
export function applyAffine(normalized: tf.Tensor, { gain, bias }: Affine, shape: number[]): tf.Tensor {
  const scaled = gain ? tf.mul(normalized, tf.reshape(gain, shape)) : normalized;
  return bias ? tf.add(scaled, tf.reshape(bias, shape)) : scaled;
}
