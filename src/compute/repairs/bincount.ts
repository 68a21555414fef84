/**
 * bincount on webgpu: of a tensor with several axes its program does not compile (it needs none of the axes), and with
 * integer weights it answers with the bits of floats. Yes-or-no counts do not compile either and are left to the cpu.
 */
import { sizeOf } from '../ndarray.js';
import type { tf } from '../tf.js';
import { avoidOwnKernels } from './on-cpu.js';
import { type KernelBody, makeTensor, overrideKernel, runKernel } from './override.js';

export function repairBincount(): void {
  overrideKernel('Bincount', 'webgpu', (original) => inFloats(original, true));
  overrideKernel('DenseBincount', 'webgpu', (original) => inFloats(original, false));
  avoidOwnKernels('webgpu', { DenseBincount: (_inputs, attrs) => attrs.binaryOutput === true });
}

function inFloats(count: KernelBody, flat: boolean): KernelBody {
  return (inputs, attrs, backend) => {
    const fold = (tensor: tf.TensorInfo) => (flat ? { ...tensor, shape: [sizeOf(tensor.shape)] } : tensor);
    const [x, weights] = [fold(inputs.x!), fold(inputs.weights!)];
    if (weights.dtype !== 'int32') return count({ x, weights }, attrs, backend);
    const floats =
      sizeOf(weights.shape) === 0
        ? makeTensor(backend, weights.shape, 'float32', new Float32Array(0))
        : runKernel('Cast', 'webgpu', backend, { x: weights }, { dtype: 'float32' });
    const counted = count({ x, weights: floats }, attrs, backend);
    const result = runKernel('Cast', 'webgpu', backend, { x: counted }, { dtype: 'int32' });
    for (const { dataId } of [floats, counted]) backend.disposeData(dataId);
    return result;
  };
}
