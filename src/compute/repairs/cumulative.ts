/**
 * cumsum and cumprod with a negative axis: tfjs documents it, but its cpu and wasm kernels index with it (shape
 * [,5] for axis -1), and so does the gradient of cumsum, which also returns transposed values for inner axes. cumprod has
 * no gradient in tfjs.
 */
import { tf } from '../tf.js';
import { type Backend, overrideKernel } from './override.js';

export function repairCumulative(backendName: Backend): void {
  for (const name of ['Cumsum', 'Cumprod']) {
    overrideKernel(name, backendName, (original) => ({ x }, attrs, backend) => {
      const rank = x!.shape.length;
      return original({ x: x! }, { ...attrs, axis: ((attrs.axis as number) + rank) % rank }, backend);
    });
  }
}

export function repairCumulativeGradients(): void {
  tf.registerGradient({
    kernelName: 'Cumsum',
    gradFunc: (dy, _saved, attrs) => {
      const { axis, exclusive, reverse } = attrs as unknown as {
        axis: number;
        exclusive: boolean;
        reverse: boolean;
      };
      return { x: () => tf.cumsum(dy as tf.Tensor, axis, exclusive, !reverse) };
    },
  });
  tf.registerGradient({
    kernelName: 'Cumprod',
    inputsToSave: ['x'],
    gradFunc: (dy, [x], attrs) => ({ x: () => cumprodGradient(dy as tf.Tensor, x!, attrs) }),
  });
}

/**
 * Of the products that contain x[i], each without that factor: right for zeros too, where dividing the products by x[i]
 * is not. Needs the square of the axis in memory.
 */
function cumprodGradient(dy: tf.Tensor, x: tf.Tensor, attrs: tf.NamedAttrMap): tf.Tensor {
  const { axis, exclusive, reverse } = attrs as { axis: number; exclusive: boolean; reverse: boolean };
  const rank = x.shape.length;
  const last = [...x.shape.keys()];
  last.push(...last.splice((axis + rank) % rank, 1));
  const length = x.shape.at(axis)!;
  const rows = (t: tf.Tensor) => tf.transpose(t, last).reshape([-1, 1, length]);

  const own = tf.range(0, length, 1, 'int32').reshape([length, 1]);
  const other = tf.range(0, length, 1, 'int32').reshape([1, length]);
  const factors = tf.where(tf.equal(own, other), tf.scalar(1), rows(x));
  const products = tf.cumprod(factors, 2, exclusive, reverse);
  const [later, earlier] = reverse ? [own, other] : [other, own];
  const contains = exclusive ? tf.greater(later, earlier) : tf.greaterEqual(later, earlier);
  const slopes = tf.where(contains, products.mul(rows(dy)), tf.zerosLike(products)).sum(2);

  const back = last.map((_, at) => last.indexOf(at));
  return tf.transpose(slopes.reshape(last.map((at) => x.shape[at]!)), back);
}
