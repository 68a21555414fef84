/** A linear layer, y = x W^T + b, with weights [out, in] as in PyTorch. */
import { sizeOf } from '../../compute/ndarray.js';
import { present, requireFloat32, shown } from '../../compute/shapes.js';
import { tf } from '../../compute/tf.js';

/**
 * @param x [..., in], float32 @param weight [out, in] @param bias [out]
 * @returns [..., out], differentiable in all three
 * @throws TypeError when an input is not float32; RangeError when the shapes do not fit.
 */
export function linear(x: tf.Tensor, weight: tf.Tensor, bias?: tf.Tensor): tf.Tensor {
  requireFloat32('linear', { x, weight, ...present({ bias }) });
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
  const rest = x.shape.slice(0, -1);
  return tf.tidy(() => {
    // Two axes: one matrix product whatever the batch is.
    const product = tf.matMul(tf.reshape(x, [sizeOf(rest), inner!]), weight, false, true);
    return tf.reshape(bias ? tf.add(product, bias) : product, [...rest, out!]);
  });
}
