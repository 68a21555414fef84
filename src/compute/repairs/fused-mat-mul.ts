/**
 * fused.matMul: wasm adds another bias from the second row on where an operand is transposed, refuses a bias of two axes,
 * and reads behind one of a single number; tfjs's other kernels broadcast neither batches nor empty matrices here.
 * Composed of the repaired product, the addition and the activation it does all that the operation promises.
 */
import type { tf } from '../tf.js';
import { type Attributes, type Backend, type KernelBackend, overrideKernel, runKernel } from './override.js';

const activations: Record<string, string> = {
  relu: 'Relu',
  relu6: 'Relu6',
  elu: 'Elu',
  sigmoid: 'Sigmoid',
  prelu: 'Prelu',
  leakyrelu: 'LeakyRelu',
};

export function repairFusedMatMul(backendName: Backend): void {
  overrideKernel('_FusedMatMul', backendName, () => (inputs, attrs, backend) => {
    const { a, b, bias, preluActivationWeights: slopes } = inputs as Record<string, tf.TensorInfo>;
    const { transposeA, transposeB, activation, leakyreluAlpha } = attrs;
    const step = (
      x: tf.TensorInfo,
      name: string,
      others: Record<string, tf.TensorInfo>,
      options: Attributes,
    ) => replace(x, runKernel(name, backendName, backend, others, options), backend);
    let result = runKernel('BatchMatMul', backendName, backend, { a: a!, b: b! }, { transposeA, transposeB });
    if (bias) result = step(result, 'Add', { a: result, b: bias }, {});
    const name = activations[activation as string];
    if (!name) return result;
    const operands: Record<string, tf.TensorInfo> =
      name === 'Prelu' ? { x: result, alpha: slopes! } : { x: result };
    return step(result, name, operands, name === 'LeakyRelu' ? { alpha: leakyreluAlpha } : {});
  });
}

function replace(before: tf.TensorInfo, after: tf.TensorInfo, backend: KernelBackend): tf.TensorInfo {
  backend.disposeData(before.dataId);
  return after;
}
