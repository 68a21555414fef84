/** A linear layer, y = x W^T + b, with weights [out, in] as in PyTorch. */
import { sizeOf } from '../../compute/ndarray.js';
import { present, requireFloat32, shown } from '../../compute/shapes.js';
import { tf } from '../../compute/tf.js';

/**
 * Stands where a weight [out, in] is expected and computes x W^T + b in its own way: with an adapter beside the weight, or
 * from quantised numbers.
 */
export interface LinearLayer {
  readonly shape: number[];
  readonly rank: number;
  /** Of its results. */
  readonly dtype: 'float32';
  /** @param x [..., in] @returns [..., out] */
  apply(x: tf.Tensor, bias?: tf.Tensor): tf.Tensor;
}

export type LinearWeight = tf.Tensor | LinearLayer;

/**
 * @param x [..., in], float32 @param weight [out, in], or a layer that stands for one @param bias [out]
 * @returns [..., out], differentiable in all three
 * @throws TypeError when an input is not float32; RangeError when the shapes do not fit.
 */
export function linear(x: tf.Tensor, weight: LinearWeight, bias?: tf.Tensor): tf.Tensor {
  requireFloat32('linear', { x, ...present({ bias }) });
  if (!isLayer(weight)) requireFloat32('linear', { weight });
  const [out, inner] = weight.shape;
  if (weight.rank !== 2 || x.rank < 1 || x.shape[x.rank - 1] !== inner) {
    throw new RangeError(
      `linear: weight must be [out, in] with in the last axis of x, got weight ${shown(weight.shape)} for x ${shown(x.shape)}`,
    );
  }
  if (bias && (bias.rank !== 1 || bias.shape[0] !== out)) {
    throw new RangeError(
      `linear: bias must be [out], got bias ${shown(bias.shape)} for weight ${shown(weight.shape)}`,
    );
  }
  if (isLayer(weight)) return weight.apply(x, bias);
  const rest = x.shape.slice(0, -1);
  return tf.tidy(() => {
    // Two axes: one matrix product whatever the batch is.
    const product = tf.matMul(tf.reshape(x, [sizeOf(rest), inner!]), weight, false, true);
    return tf.reshape(bias ? tf.add(product, bias) : product, [...rest, out!]);
  });
}

function isLayer(weight: LinearWeight): weight is LinearLayer {
  return typeof (weight as LinearLayer | undefined)?.apply === 'function';
}

/** Of the weights of a component those that are tensors, for the checks on its inputs; what is missing stays among them. */
export function weightTensors(weights: Record<string, LinearWeight>): Record<string, tf.Tensor> {
  return Object.fromEntries(
    Object.entries(weights).filter((entry): entry is [string, tf.Tensor] => !isLayer(entry[1])),
  );
}
