/**
 * How kernels store numbers: float32 tensors as f32, half tensors, which are packed int32, as f16. A kernel written once
 * takes both: it computes in f32, converts what it reads with V(...) and what it writes with W(...).
 */
import type { ElementType, Extension } from './kernel.js';
import { sizeOf } from './ndarray.js';
import { asPackedGradient, isPackedGradient } from './packed-gradient.js';
import { tf } from './tf.js';
import type { GpuBackend } from './webgpu-backend.js';

export type Storage = 'f32' | 'f16';

/** Chosen by the input. */
export function storageOf(x: tf.TensorInfo): Storage {
  return x.dtype === 'int32' || isPackedGradient(x) ? 'f16' : 'f32';
}

/** What a kernel wrote, as the tape takes it for a gradient. */
export function gradientOf(storage: Storage, written: tf.TensorInfo): tf.TensorInfo {
  return storage === 'f16' ? asPackedGradient(written) : written;
}

/** Element type of a buffer that is read `width` numbers at a time. */
export function elementOf(storage: Storage, width: 1 | 2 | 4): ElementType {
  return width === 1 ? storage : `vec${width}<${storage}>`;
}

/** Shape of the tensor that holds numbers of `shape`. */
export function storedShape(storage: Storage, shape: readonly number[]): readonly number[] {
  return storage === 'f16' ? [Math.ceil(sizeOf(shape) / 2)] : shape;
}

/** `V`, what the kernel computes with, and `W`, what it writes. */
export function storageCode(storage: Storage, width: 1 | 2 | 4): string {
  return `alias V = ${elementOf('f32', width)};\nalias W = ${elementOf(storage, width)};\n`;
}

export function storageExtensions(...storages: Storage[]): Extension[] {
  return storages.includes('f16') ? ['f16'] : [];
}

/** Distinguishes the kernels of half tensors by name, in profiles and launch records. */
export function storageSuffix(storage: Storage): string {
  return storage === 'f16' ? '.f16' : '';
}

/** For `choosePath`: why half tensors cannot be computed with on the device in use, if it is one. */
export function lacksHalf(): string | undefined {
  if (tf.getBackend() !== 'webgpu') return undefined;
  const { features } = (tf.backend() as GpuBackend).gpu;
  return features.includes('shader-f16')
    ? undefined
    : 'half tensors on this device, which lacks the GPU feature shader-f16';
}
