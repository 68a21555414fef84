/**
 * DoRA (Liu et al. 2024, arXiv:2402.09353): a weight taken apart into a magnitude for each output and a direction, the
 * direction adapted by LoRA. W' = m V / |V| row by row, with V = W + s B A. As in section 4.3 of the paper, |V| is a constant
 * for the gradient, which saves the memory that its gradient would need.
 */

import { detached } from '../../compute/gradient.js';
import { requireFloat32, sameShape, shown } from '../../compute/shapes.js';
import { tf } from '../../compute/tf.js';
import { linear } from '../../layers/linear/linear.js';
import {
  checkFactors,
  type LoraFactors,
  type LoraOptions,
  type LoraScaling,
  loraDelta,
  mergeLora,
} from './lora.js';

export interface DoraFactors extends LoraFactors {
  /** m, [out]; |W| by rows at the start (see `doraMagnitude`). */
  magnitude: tf.Tensor;
}

/**
 * x W'^T + b.
 * @param x [..., in], float32 @param weight [out, in]
 * @returns [..., out], differentiable in x, the factors, the magnitude, the weight and the bias, |V| being a constant
 * @throws as `loraLinear`
 */
export function doraLinear(
  x: tf.Tensor,
  weight: tf.Tensor,
  factors: DoraFactors,
  options: LoraOptions = {},
): tf.Tensor {
  checkFactors('doraLinear', weight, factors, options.bias);
  return tf.tidy(() => {
    const y = doraOutput(linear(x, weight), x, weight, factors, options);
    return options.bias ? tf.add(y, options.bias) : y;
  });
}

/** x W'^T from base = x W^T. */
export function doraOutput(
  base: tf.Tensor,
  x: tf.Tensor,
  weight: tf.Tensor,
  factors: DoraFactors,
  options: LoraOptions = {},
): tf.Tensor {
  checkMagnitude('doraLinear', weight, factors.magnitude);
  return tf.tidy(() => {
    const norms = detached(() => rowNorms(mergeLora(weight, factors, options)));
    return tf.mul(tf.add(base, loraDelta(x, factors, options)), tf.div(factors.magnitude, norms));
  });
}

/** W', [out, in]. */
export function mergeDora(weight: tf.Tensor, factors: DoraFactors, scaling: LoraScaling = {}): tf.Tensor {
  checkMagnitude('mergeDora', weight, factors.magnitude);
  return tf.tidy(() => {
    const direction = mergeLora(weight, factors, scaling);
    return tf.mul(direction, tf.expandDims(tf.div(factors.magnitude, rowNorms(direction)), 1));
  });
}

/** The magnitudes that DoRA starts from, |W| by rows: [out, in] -> [out]. */
export function doraMagnitude(weight: tf.Tensor): tf.Tensor {
  requireFloat32('doraMagnitude', { weight });
  return tf.tidy(() => rowNorms(weight));
}

function rowNorms(weight: tf.Tensor): tf.Tensor {
  return tf.sqrt(tf.sum(tf.square(weight), 1));
}

function checkMagnitude(caller: string, weight: tf.Tensor, magnitude: tf.Tensor): void {
  requireFloat32(caller, { magnitude });
  if (sameShape(magnitude.shape, weight.shape.slice(0, 1))) return;
  throw new RangeError(
    `${caller}: magnitude must be [out] for weight ${shown(weight.shape)}, got ${shown(magnitude.shape)}`,
  );
}
