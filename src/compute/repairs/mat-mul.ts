/**
 * matMul with batch dimensions that broadcast both ways ([2,1,..] x [1,3,..]): tfjs's cpu backend returns half of
 * the values, webgpu throws. And with an empty inner dimension (K = 0), where the result is zeros. The gradient
 * must sum over the broadcast dimensions, which also makes 3-D x 2-D differentiable.
 */
import { sizeOf } from '../ndarray.js';
import { tf } from '../tf.js';
import {
  type Backend,
  type KernelBackend,
  makeTensor,
  overrideKernel,
  runKernel,
  unbroadcast,
} from './override.js';

export function repairMatMul(backendName: Backend): void {
  overrideKernel('BatchMatMul', backendName, (original) => (inputs, attrs, backend) => {
    const { a, b } = inputs as { a: tf.TensorInfo; b: tf.TensorInfo };
    const [rows, innerA] = matrixShape(a, attrs.transposeA === true);
    const [innerB, columns] = matrixShape(b, attrs.transposeB === true);
    const batch = tf.broadcast_util.assertAndGetBroadcastShape(a.shape.slice(0, -2), b.shape.slice(0, -2));
    if (innerA === innerB && sizeOf(batch) * rows * columns * innerA === 0) {
      const shape = [...batch, rows, columns];
      return makeTensor(backend, shape, 'float32', new Float32Array(sizeOf(shape)));
    }
    const expandedA = expandBatch(a, batch, backendName, backend);
    const expandedB = expandBatch(b, batch, backendName, backend);
    const product = original({ a: expandedA, b: expandedB }, attrs, backend);
    if (expandedA !== a) backend.disposeData(expandedA.dataId);
    if (expandedB !== b) backend.disposeData(expandedB.dataId);
    return product;
  });
}

export function repairMatMulGradient(): void {
  tf.registerGradient({
    kernelName: 'BatchMatMul',
    inputsToSave: ['a', 'b'],
    gradFunc: (dy, saved, attrs) => {
      const [a, b] = saved as [tf.Tensor, tf.Tensor];
      const { transposeA: ta, transposeB: tb } = attrs as { transposeA: boolean; transposeB: boolean };
      const gradient = dy as tf.Tensor;
      return {
        a: () =>
          unbroadcast(ta ? tf.matMul(b, gradient, tb, true) : tf.matMul(gradient, b, false, !tb), a.shape),
        b: () =>
          unbroadcast(tb ? tf.matMul(gradient, a, true, ta) : tf.matMul(a, gradient, !ta, false), b.shape),
      };
    },
  });
}

function matrixShape({ shape }: tf.TensorInfo, transposed: boolean): [number, number] {
  const [rows, columns] = [shape.at(-2) ?? 1, shape.at(-1) ?? 1];
  return transposed ? [columns, rows] : [rows, columns];
}

/** Repeats the matrices until the batch is complete; the kernels handle a batch of one themselves. */
function expandBatch(
  x: tf.TensorInfo,
  batch: number[],
  name: Backend,
  backend: KernelBackend,
): tf.TensorInfo {
  const own = x.shape.slice(0, -2);
  if (sizeOf(own) === 1 || sizeOf(own) === sizeOf(batch)) return x;
  const padded = [...Array<number>(batch.length - own.length).fill(1), ...own];
  const aligned = { ...x, shape: [...padded, ...x.shape.slice(-2)] };
  const reps = [...batch.map((extent, axis) => extent / padded[axis]!), 1, 1];
  return runKernel('Tile', name, backend, { x: aligned }, { reps });
}
