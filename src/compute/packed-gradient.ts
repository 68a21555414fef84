/**
 * Gradients of half tensors on tfjs's tape. tfjs takes a gradient only when it is labelled float32 and has the shape of its
 * input, which for a half tensor is packed int32. So a packed gradient is labelled float32, though what the backend stores is
 * int32, and its data are marked: where a tensor is used twice, tfjs adds its gradients with Add, which then adds halves.
 */
import { type Backend, overrideKernel, runKernel } from './repairs/override.js';
import type { tf } from './tf.js';

/** On the data, which copies share; registered by name, so that every copy of this module finds it. */
const mark = Symbol.for('kernelbook.packedGradient');

/** The kernel that adds two packed tensors, on every backend. */
export const addPackedKernel = 'KernelbookAddHalf';

/** Packed numbers, labelled as the tape wants them. */
export function asPackedGradient(packed: tf.TensorInfo): tf.TensorInfo {
  Object.defineProperty(packed.dataId, mark, { value: true });
  return { ...packed, dtype: 'float32' };
}

export function isPackedGradient({ dataId, dtype }: tf.TensorInfo): boolean {
  return dtype === 'float32' && mark in dataId;
}

/** Lets tfjs's Add add packed gradients on this backend. */
export function addPackedGradients(name: Backend): void {
  overrideKernel('Add', name, (original) => (inputs, attrs, backend) => {
    const packed = isPackedGradient(inputs.a!) && isPackedGradient(inputs.b!);
    if (!packed) return original(inputs, attrs, backend);
    // A fused kernel gives a list of outputs.
    return [runKernel(addPackedKernel, name, backend, inputs, {})].flat()[0]!;
  });
}
