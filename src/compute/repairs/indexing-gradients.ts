/**
 * Gradients that tfjs lacks for what picks and places elements: gatherND, scatterND, tensorScatterUpdate, stridedSlice.
 * The gradient of picking is placing, and the reverse.
 */
import { sizeOf } from '../ndarray.js';
import { tf } from '../tf.js';

export function provideIndexingGradients(): void {
  tf.registerGradient({
    kernelName: 'GatherNd',
    inputsToSave: ['params', 'indices'],
    gradFunc: (dy, [params, indices]) => ({
      params: () => place(indices!, dy as tf.Tensor, params!.shape),
    }),
  });
  tf.registerGradient({
    kernelName: 'ScatterNd',
    inputsToSave: ['indices'],
    gradFunc: (dy, [indices]) => ({ updates: () => tf.gatherND(dy as tf.Tensor, indices!) }),
  });
  tf.registerGradient({
    kernelName: 'TensorScatterUpdate',
    inputsToSave: ['indices', 'updates'],
    gradFunc: (dy, [indices, updates]) => ({
      // What was replaced has no influence.
      tensor: () => tf.tensorScatterUpdate(dy as tf.Tensor, indices!, tf.zeros(updates!.shape)),
      updates: () => tf.gatherND(dy as tf.Tensor, indices!),
    }),
  });
  tf.registerGradient({
    kernelName: 'StridedSlice',
    inputsToSave: ['x'],
    gradFunc: (dy, [x], attrs) => ({ x: () => stridedSliceGradient(dy as tf.Tensor, x!.shape, attrs) }),
  });
}

/** Adds the values up at their places in zeros; nothing to add is more than tfjs's kernels can do. */
function place(indices: tf.Tensor, values: tf.Tensor, shape: number[]): tf.Tensor {
  return values.size === 0 ? tf.zeros(shape) : tf.scatterND(indices, values, shape);
}

/** Slicing the positions of the elements says where each part of the gradient belongs. */
function stridedSliceGradient(dy: tf.Tensor, shape: number[], attrs: tf.NamedAttrMap): tf.Tensor {
  const size = sizeOf(shape);
  const positions = tf.range(0, size, 1, 'int32').reshape(shape);
  const taken = tf.engine().runKernel('StridedSlice', { x: positions }, attrs) as tf.Tensor;
  return place(taken.reshape([-1, 1]), dy.reshape([-1]), [size]).reshape(shape);
}
