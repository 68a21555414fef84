/**
 * Weight normalisation (Salimans & Kingma 2016, arXiv:1602.07868): a weight is written as w = g v / |v|, so that its
 * length g and its direction v are learned apart. It acts on parameters; all other normalisations act on activations.
 */
import { sizeOf } from '../../compute/ndarray.js';
import { requireFloat32, shown } from '../../compute/shapes.js';
import { tf } from '../../compute/tf.js';
import { rmsNorm } from './rms-norm.js';

/**
 * One length per output: w[o] = g[o] v[o] / |v[o]|. A zero v has no direction and gives NaN, as in PyTorch.
 * @param v [out, ...], float32 @param g [out], float32
 * @returns the shape of v, differentiable in both
 * @throws TypeError when an input is not float32; RangeError when g has not one value per output.
 */
export function weightNorm(v: tf.Tensor, g: tf.Tensor): tf.Tensor {
  requireFloat32('weightNorm', { v, g });
  if (v.rank < 2 || g.rank !== 1 || g.shape[0] !== v.shape[0]) {
    throw new RangeError(
      `weightNorm: v must be [out, ...] and g [out], got v ${shown(v.shape)} and g ${shown(g.shape)}`,
    );
  }
  const [out, M] = [v.shape[0]!, sizeOf(v.shape.slice(1))];
  return tf.tidy(() => {
    // v / |v| is v / rms(v), divided by sqrt(M).
    const direction = rmsNorm(tf.reshape(v, [out, M]), tf.fill([M], 1 / Math.sqrt(Math.max(1, M))), {
      eps: 0,
    });
    return tf.reshape(tf.mul(direction, tf.reshape(g, [out, 1])), v.shape);
  });
}
