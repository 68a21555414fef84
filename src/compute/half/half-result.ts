/** How components take half tensors: by their f16 kernel, or in float32 with the result rounded once, on any backend. */

import { choosePath, type KernelPath } from '../path.js';
import { lacksHalf } from '../storage.js';
import { tf } from '../tf.js';
import { toHalf } from './convert.js';
import { type HalfTensor, halfTensor } from './half-tensor.js';

/**
 * @param kernel name under which the fused kernel is registered
 * @param shape of the result
 * @param fused launches the kernel and returns the packed result; not called where there is nothing to compute
 * @param floats computes the same from `toFloat` of the inputs
 * @param unsupported why the kernel cannot take these arguments, if so
 * @param nothing whether there is nothing to compute: by default where the result is empty
 */
export function halfResult(
  caller: string,
  kernel: string,
  path: KernelPath | undefined,
  shape: readonly number[],
  fused: () => tf.Tensor,
  floats: () => tf.Tensor,
  unsupported?: string,
  nothing = shape.includes(0),
): HalfTensor {
  const chosen = choosePath(caller, kernel, path, unsupported ?? lacksHalf());
  return tf.tidy(() => (chosen === 'fused' && !nothing ? halfTensor(shape, fused()) : toHalf(floats())));
}

/** @throws TypeError unless all are half tensors. */
export function requireHalf(caller: string, tensors: Record<string, tf.Tensor | HalfTensor>): void {
  for (const [name, tensor] of Object.entries(tensors)) {
    if (!('packed' in tensor)) {
      throw new TypeError(
        `${caller}: ${name} must be a half tensor like the other inputs, got ${tensor.dtype} [${tensor.shape}]; convert it with toHalf(${name})`,
      );
    }
  }
}
