/**
 * A tensor of half-precision numbers. tfjs has no such dtype, so the numbers are packed two by two into an int32 tensor
 * (the first in the low 16 bits), which GPU kernels bind as array<f16>: half the memory and half the traffic of float32.
 */

import type { Displayable, MimeBundle } from '../../display/display.js';
import { sizeOf } from '../ndarray.js';
import { shown } from '../shapes.js';
import { tf } from '../tf.js';

/**
 * Made by `toHalf` and by operations on half tensors; `toFloat` gives its numbers. A plain record, so that `tf.tidy` keeps
 * one that it returns and `tf.dispose` frees it. Its gradient is a half tensor too: `halfGrads` gives it.
 */
export type HalfTensor = {
  readonly shape: number[];
  /** int32 [ceil(size / 2)]. */
  readonly packed: tf.Tensor;
};

/** How a half tensor shows itself. */
class Half implements Displayable {
  constructor(
    readonly shape: number[],
    readonly packed: tf.Tensor,
  ) {}

  toString(): string {
    return `HalfTensor ${shown(this.shape)} (float16)`;
  }

  toMimeBundle(): MimeBundle {
    return { 'text/plain': this.toString() };
  }
}

/**
 * A half tensor of numbers that are packed already.
 * @param packed int32, as many words as the shape has pairs of numbers; from now on the half tensor's
 * @throws RangeError when it is something else.
 */
export function halfTensor(shape: readonly number[], packed: tf.Tensor): HalfTensor {
  const [words] = packedShape(shape);
  if (packed.dtype !== 'int32' || packed.size !== words) {
    throw new RangeError(
      `halfTensor: shape ${shown(shape)} needs packed int32 [${words}], got ${packed.dtype} ${shown(packed.shape)}`,
    );
  }
  return new Half([...shape], packed);
}

/** A half tensor whose numbers change, as parameters do. */
export type HalfVariable = HalfTensor & { readonly packed: tf.Variable };

/** A variable that starts with these numbers; `initial` stays the caller's. */
export function halfVariable(initial: HalfTensor): HalfVariable {
  return halfTensor(initial.shape, tf.variable(initial.packed)) as HalfVariable;
}

export function isHalf(value: unknown): value is HalfTensor {
  return value instanceof Half;
}

/** Shape of the int32 tensor that holds a half tensor of `shape`. */
export function packedShape(shape: readonly number[]): [number] {
  return [Math.ceil(sizeOf(shape) / 2)];
}
