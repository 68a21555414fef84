/**
 * Layer normalisation (Ba et al. 2016, arXiv:1607.06450): y = gain * (x - mean) / sqrt(var + eps) + bias, mean and
 * variance over the trailing axes of each sample. In a Transformer that is the C features of one token.
 */

import { toFloat, toHalf } from '../../compute/half/convert.js';
import { halfResult, requireHalf } from '../../compute/half/half-result.js';
import { type HalfTensor, isHalf } from '../../compute/half/half-tensor.js';
import { sizeOf } from '../../compute/ndarray.js';
import { choosePath, type KernelPath } from '../../compute/path.js';
import { requireFloat32, shown } from '../../compute/shapes.js';
import { tf } from '../../compute/tf.js';
import { layerNormKernel, runLayerNorm } from './row-norm.wgsl.js';
import { requireEps } from './row-scale.js';
import { type Affine, applyAffine, checkAffine, checkAffineShapes, standardizeRows } from './standardize.js';

export interface LayerNormOptions {
  /** How many trailing axes are normalised together; default: as many as `gain` or `bias` has, else 1. */
  axes?: number;
  /** Added to the variance, inside the root. Default 1e-5. */
  eps?: number;
  path?: KernelPath;
}

/** Gain and bias of half tensors; either may be left out. */
export interface HalfAffine {
  gain?: HalfTensor;
  bias?: HalfTensor;
}

/**
 * Normalises x over its trailing axes and applies gain and bias, which have the shape of those axes.
 * Rows whose squares leave the range of float32 are rescaled by a power of two first.
 * @param x [..., C], float32 @param affine gain and bias [C], or the trailing axes' shape; or all half tensors, computed in
 *   float32 and rounded once
 * @returns the shape and kind of x, differentiable in all three
 * @throws TypeError when an input is of another kind; RangeError when the shapes do not fit or `eps` is negative; Error when
 *   path 'fused' is asked for on a backend without the kernel.
 */
export function layerNorm(x: HalfTensor, affine?: HalfAffine, options?: LayerNormOptions): HalfTensor;
export function layerNorm(x: tf.Tensor, affine?: Affine, options?: LayerNormOptions): tf.Tensor;
export function layerNorm(
  x: tf.Tensor | HalfTensor,
  affine: Affine | HalfAffine = {},
  options: LayerNormOptions = {},
): tf.Tensor | HalfTensor {
  const { gain, bias } = affine;
  if (isHalf(x) || isHalf(gain) || isHalf(bias)) {
    requireHalf('layerNorm', { x, ...(gain && { gain }), ...(bias && { bias }) });
    return halfLayerNorm(x as HalfTensor, affine as HalfAffine, options);
  }
  return floatLayerNorm(x, affine as Affine, options);
}

function floatLayerNorm(x: tf.Tensor, affine: Affine, options: LayerNormOptions): tf.Tensor {
  requireFloat32('layerNorm', { x });
  const { eps, trailing } = setUp(x.shape, affine, options);
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

function halfLayerNorm(x: HalfTensor, affine: HalfAffine, options: LayerNormOptions): HalfTensor {
  const { shape } = x;
  const { eps, trailing } = setUp(shape, affine, options);
  checkAffineShapes(
    'layerNorm',
    shape,
    { gain: affine.gain, bias: affine.bias },
    'the trailing axes',
    trailing,
  );
  const fused = () => {
    const { gain = toHalf(tf.ones(trailing)), bias = toHalf(tf.zeros(trailing)) } = affine;
    const M = sizeOf(trailing);
    return runLayerNorm(x.packed, gain.packed, bias.packed, eps, [sizeOf(shape) / M, M]);
  };
  const floats = () => {
    const [gain, bias] = [affine.gain, affine.bias].map((half) => half && toFloat(half));
    return floatLayerNorm(toFloat(x), { gain, bias }, { ...options, axes: trailing.length });
  };
  return halfResult('layerNorm', layerNormKernel, options.path, shape, fused, floats);
}

type Shaped = { shape: readonly number[] };

function setUp(
  x: readonly number[],
  affine: { gain?: Shaped; bias?: Shaped },
  options: LayerNormOptions,
): { eps: number; trailing: number[] } {
  const { eps = 1e-5, axes = affine.gain?.shape.length ?? affine.bias?.shape.length ?? 1 } = options;
  requireEps('layerNorm', eps);
  if (!Number.isInteger(axes) || axes < 1 || axes > x.length) {
    throw new RangeError(
      `layerNorm: axes must be a number of trailing axes of x ${shown(x)}, from 1 to ${x.length}; got ${axes}`,
    );
  }
  return { eps, trailing: x.slice(x.length - axes) };
}
