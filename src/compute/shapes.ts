/**
 * Checks that every component makes on its inputs before any work starts: dtype, rank, shapes. The messages name
 * the function, print the shapes and say what to do.
 */
import type { tf } from './tf.js';

/** Shape in the form all error messages use: `[2,4,16]`. */
export function shown(shape: readonly number[]): string {
  return `[${shape.join(',')}]`;
}

export function sameShape(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((extent, axis) => extent === b[axis]);
}

/** @throws TypeError when a tensor is missing or not float32. */
export function requireFloat32(caller: string, tensors: Record<string, tf.Tensor>): void {
  for (const [name, tensor] of Object.entries(tensors)) {
    if (typeof tensor === 'object' && tensor !== null && 'packed' in tensor) {
      throw new TypeError(
        `${caller}: ${name} is a half tensor ${shown(tensor.shape)}, which it does not take; convert it with toFloat(${name})`,
      );
    }
    if (!Array.isArray(tensor?.shape) || typeof tensor.dtype !== 'string') {
      throw new TypeError(
        `${caller}: ${name} must be a tensor, got ${tensor === null ? 'null' : typeof tensor}`,
      );
    }
    if (tensor.dtype !== 'float32') {
      throw new TypeError(
        `${caller}: ${name} must be float32, got ${tensor.dtype} ${shown(tensor.shape)}; convert it with ${name}.toFloat()`,
      );
    }
  }
}

/** The tensors that were given. */
export function present(tensors: Record<string, tf.Tensor | undefined>): Record<string, tf.Tensor> {
  return Object.fromEntries(
    Object.entries(tensors).filter((entry): entry is [string, tf.Tensor] => entry[1] !== undefined),
  );
}

/** @throws RangeError when `shape` does not have as many axes as `letters` ('B,H,T,D') names. */
export function requireAxes(caller: string, name: string, shape: readonly number[], letters: string): void {
  const rank = letters.split(',').length;
  if (shape.length !== rank) {
    throw new RangeError(
      `${caller}: ${name} must be [${letters}] (rank ${rank}), got ${shown(shape)}; reshape it`,
    );
  }
}

/** Strides with which a tensor of `shape` is read as `target`: 0 along broadcast axes. Undefined when it does not fit. */
export function broadcastStrides(shape: readonly number[], target: readonly number[]): number[] | undefined {
  if (shape.length > target.length) return undefined;
  const strides = new Array<number>(target.length).fill(0);
  let stride = 1;
  for (let back = 1; back <= shape.length; back++) {
    const extent = shape[shape.length - back]!;
    const axis = target.length - back;
    if (extent !== 1 && extent !== target[axis]) return undefined;
    strides[axis] = extent === 1 ? 0 : stride;
    stride *= extent;
  }
  return strides;
}
