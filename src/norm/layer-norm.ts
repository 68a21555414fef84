/**
 * Layer normalisation (Ba et al. 2016, arXiv:1607.06450): y = gain * (x - mean) / sqrt(var + eps) + bias, mean and
 * variance over the trailing axes of each sample. In a Transformer that is the C features of one token.
 */
import { sizeOf } from '../compute/ndarray.js';
import { tf } from '../compute/tf.js';
import { choosePath, type KernelPath } from '../path.js';
import { requireFloat32, shown } from '../shapes.js';
import { layerNormKernel, runLayerNorm } from './row-norm.wgsl.js';
import { requireEps } from './row-scale.js';
import { type Affine, applyAffine, checkAffine, standardizeRows } from './standardize.js';

export interface LayerNormOptions {
  /** How many trailing axes are normalised together; default: as many as `gain` or `bias` has, else 1. */
  axes?: number;
  /** Added to the variance, inside the root. Default 1e-5. */
  eps?: number;
  path?: KernelPath;
}

/**
 * Normalises x over its trailing axes and applies gain and bias, which have the shape of those axes.
 * Rows whose squares leave the range of float32 are rescaled by a power of two first.
 * @param x [..., C], float32 @param affine gain and bias [C], or the trailing axes' shape
 * @returns the shape of x, differentiable in all three
 * @throws TypeError when an input is not float32; RangeError when the shapes do not fit or `eps` is negative; Error when
 *   path 'fused' is asked for on a backend without the kernel.
 */
export function layerNorm(x: tf.Tensor, affine: Affine = {}, options: LayerNormOptions = {}): tf.Tensor {
  requireFloat32('layerNorm', { x });
  const { eps = 1e-5, axes = affine.gain?.rank ?? affine.bias?.rank ?? 1 } = options;
  requireEps('layerNorm', eps);
  if (!Number.isInteger(axes) || axes < 1 || axes > x.rank) {
    throw new RangeError(
      `layerNorm: axes must be a number of trailing axes of x ${shown(x.shape)}, from 1 to ${x.rank}; got ${axes}`,
    );
  }
  const trailing = x.shape.slice(x.rank - axes);
  checkAffine('layerNorm', x, affine, 'the trailing axes', trailing);
  const fused = choosePath('layerNorm', layerNormKernel, options.path) === 'fused';
  return tf.tidy(() => {
    if (x.size === 0) return applyAffine(tf.clone(x), affine, trailing);
    const M = sizeOf(trailing);
    if (fused) {
      const { gain = tf.ones(trailing), bias = tf.zeros(trailing) } = affine;
      const [rows, a, b] = [tf.reshape(x, [x.size / M, M]), tf.reshape(gain, [M]), tf.reshape(bias, [M])];
      return tf.reshape(runLayerNorm(rows, a, b, eps), x.shape);
    }
    const normalized = tf.reshape(standardizeRows(tf.reshape(x, [x.size / M, M]), eps), x.shape);
    return applyAffine(normalized, affine, trailing);
  });
}
