/**
 * Gradients with respect to half tensors: half tensors themselves, computed by tfjs's tape. `compute/packed-gradient.ts` says
 * how it is made to take them.
 */
import type { Fused } from '../fused.js';
import { sizeOf } from '../ndarray.js';
import { asPackedGradient } from '../packed-gradient.js';
import type { KernelBackend } from '../repairs/override.js';
import { requireFloat32, shown } from '../shapes.js';
import { tf } from '../tf.js';
import { toFloat } from './convert.js';
import { registerEverywhere } from './everywhere.js';
import { type HalfTensor, halfTensor, isHalf } from './half-tensor.js';

type Kind = { gradient: boolean };

/** The same packed data, labelled as a gradient on the tape or as a half tensor's. */
function relabelled(x: tf.TensorInfo, { gradient }: Kind, backend: KernelBackend): tf.TensorInfo {
  backend.incRef(x.dataId);
  return gradient ? asPackedGradient(x) : { ...x, dtype: 'int32' };
}

const relabel: Fused<'x', Kind> = registerEverywhere(
  {
    name: 'KernelbookHalfKind',
    inputs: ['x'],
    forward: ({ x }, kind: Kind) => [relabelled(x, kind, tf.backend() as unknown as KernelBackend)],
    gradient: { backward: ([dy]) => ({ x: () => relabel.run({ x: dy! }, { gradient: true })[0]! }) },
  },
  ({ x }, kind, backend) => relabelled(x, kind, backend),
);

/** The same numbers in another shape; shares the memory, which lives until both are disposed. Differentiable. */
export function reshapeHalf(half: HalfTensor, shape: readonly number[]): HalfTensor {
  if (sizeOf(shape) !== sizeOf(half.shape)) {
    throw new RangeError(
      `reshapeHalf: ${shown(half.shape)} holds ${sizeOf(half.shape)} numbers, ${shown(shape)} asks for ${sizeOf(shape)}`,
    );
  }
  return halfTensor(shape, relabel.run({ x: half.packed }, { gradient: false })[0]!);
}

/** A gradient with respect to a half tensor of `shape`, as tfjs gives it, as the half tensor that it is. */
export function gradientTensor(shape: readonly number[], packed: tf.Tensor): HalfTensor {
  return halfTensor(shape, relabel.run({ x: packed }, { gradient: false })[0]!);
}

type Value = tf.Tensor | HalfTensor;

/**
 * `tf.grads` for functions that take or give half tensors.
 * @param f gives a tensor of either kind
 * @returns a function of the inputs, and of the gradient `dy` of some loss with respect to what `f` gives (ones if left out),
 *   that gives the gradients with respect to the inputs, in their kind: half tensors for half tensors, float32 for float32
 * @throws TypeError when an input is neither; Error when `dy` has another shape than the result, or the result does not depend
 *   on an input.
 */
export function halfGrads<Inputs extends readonly Value[]>(
  f: (...inputs: Inputs) => Value,
): (inputs: readonly [...Inputs], dy?: Value) => [...Inputs] {
  return (inputs, dy) => {
    inputs.forEach((input, n) => {
      if (!isHalf(input)) requireFloat32('halfGrads', { [`input ${n}`]: input });
    });
    // What the tape begins and ends with is float32: between half precision and that nothing is lost.
    const floats = (value: Value) => (isHalf(value) ? toFloat(value) : value);
    const forward = (...values: tf.Tensor[]) => {
      const own = values.map((value, n) => {
        const input = inputs[n]!;
        return isHalf(input) ? halfTensor(input.shape, value) : value;
      });
      return floats(f(...(own as unknown as Inputs)));
    };
    const packed = inputs.map((input) => (isHalf(input) ? input.packed : input));
    return tf.tidy(() => {
      const gradients = tf.grads(forward)(packed, dy && floats(dy));
      return gradients.map((gradient, n) => {
        const input = inputs[n]!;
        return isHalf(input) ? gradientTensor(input.shape, gradient) : gradient;
      });
    }) as [...Inputs];
  };
}
