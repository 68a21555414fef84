/**
 * Casting int32 or bool to float32 on webgpu: tfjs relabels the tensor and keeps the integer buffer, so that a
 * kernel written for floats reads integer bits. Here the values are converted.
 */
import { sizeOf } from '../ndarray.js';
import { elementwise } from './elements.js';
import { makeTensor, overrideKernel } from './override.js';

const convert = elementwise('repair.cast', 'i32', 'y[i] = f32(x[i]);');

export function repairCast(): void {
  overrideKernel('Cast', 'webgpu', (original) => (inputs, attrs, backend) => {
    const x = inputs.x!;
    const integer = x.dtype === 'int32' || x.dtype === 'bool';
    if (!integer || attrs.dtype !== 'float32') return original(inputs, attrs, backend);
    if (sizeOf(x.shape) === 0) return makeTensor(backend, x.shape, 'float32', new Float32Array(0));
    return convert(x, backend);
  });
}
