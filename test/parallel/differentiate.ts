/** A function on a tape of one rank, or of tfjs alone: what it gives and the gradients of its inputs, for comparison. */
import { type NdArray, ndarray } from '../../src/compute/ndarray.js';
import { fromNdArray, toNdArray } from '../../src/compute/read.js';
import { tf } from '../../src/compute/tf.js';
import { Tape, type Value } from '../../src/parallel/tape/index.js';

export interface Differentiated {
  out: NdArray;
  gradients: NdArray[];
}

/** @param dOut gradient of the loss by the output, in its shape */
export async function onTape(
  inputs: readonly NdArray[],
  dOut: NdArray,
  f: (tape: Tape, ...values: Value[]) => Promise<Value> | Value,
): Promise<Differentiated> {
  const tape = new Tape();
  const tensors = inputs.map((array) => fromNdArray(array));
  const gradient = fromNdArray(dOut);
  const values = tensors.map((tensor) => tape.input(tensor));
  const out = await f(tape, ...values);
  await tape.backward(out, gradient);
  const result = {
    out: await toNdArray(out.tensor),
    gradients: await Promise.all(
      values.map(async (value) => (value.gradient ? toNdArray(value.gradient) : ndarray(value.shape))),
    ),
  };
  tape.dispose();
  tf.dispose([...tensors, gradient]);
  return result;
}

export async function byTfjs(
  inputs: readonly NdArray[],
  dOut: NdArray,
  f: (...tensors: tf.Tensor[]) => tf.Tensor,
): Promise<Differentiated> {
  const tensors = inputs.map((array) => fromNdArray(array));
  const gradient = fromNdArray(dOut);
  const out = f(...tensors);
  const gradients = tf.grads(f)(tensors, gradient);
  const result = {
    out: await toNdArray(out),
    gradients: await Promise.all(gradients.map(toNdArray)),
  };
  tf.dispose([out, gradient, ...tensors, ...gradients]);
  return result;
}

/** Largest difference, relative to the largest number expected; infinite for another shape. */
export function difference(actual: NdArray, expected: NdArray): number {
  if (String(actual.shape) !== String(expected.shape)) return Number.POSITIVE_INFINITY;
  const most = (values: Float64Array) => values.reduce((worst, value) => Math.max(worst, Math.abs(value)), 0);
  return most(actual.data.map((value, n) => value - expected.data[n]!)) / most(expected.data);
}

/** Sums of `terms` float32 numbers in another order differ by as many roundings, in each of two passes (Higham 2002, section 4.2). */
export const boundFor = (terms: number) => 2 * terms * 2 ** -24;
