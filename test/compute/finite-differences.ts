/** Gradients on the current backend against central differences of the values it computes. */
import { expect } from 'vitest';
import { type NdArray, ndarray } from '../../src/compute/ndarray.js';
import { seededNormal } from '../../src/compute/random.js';
import { fromNdArray, read, toNdArray } from '../../src/compute/read.js';
import { tf } from '../../src/compute/tf.js';
import { relativeError } from './backends.js';

export type Adjust = (x: NdArray, which: number) => NdArray;
const same: Adjust = (x) => x;
/** Central differences of sum(weights * f(xs)) with respect to every element of every input. */
export async function expectGradient(
  f: (...xs: tf.Tensor[]) => tf.Tensor,
  shapes: number[][],
  adjust = same,
) {
  const inputs = shapes.map((shape, i) => adjust(seededNormal(shape, 7 + i), i));
  const tensors = inputs.map((input) => fromNdArray(input));
  const weights = seededNormal(f(...tensors).shape, 3);
  const gradients = tf.grads((...xs) => f(...xs))(tensors, fromNdArray(weights));
  const objective = async (xs: NdArray[]) => {
    const { data } = await toNdArray(f(...xs.map((x) => fromNdArray(x))));
    return data.reduce((sum, value, i) => sum + value * weights.data[i]!, 0);
  };
  const step = 2 ** -6;
  for (const [which, input] of inputs.entries()) {
    const numeric: number[] = [];
    for (let i = 0; i < input.data.length; i++) {
      const shifted = (delta: number) =>
        inputs.map((x, j) => (j === which ? ndarray(x.shape, x.data.with(i, x.data[i]! + delta)) : x));
      numeric.push(((await objective(shifted(step))) - (await objective(shifted(-step)))) / (2 * step));
    }
    expect(gradients[which]!.shape).toEqual(input.shape);
    expect(relativeError(await read(gradients[which]!), numeric)).toBeLessThan(2e-3);
  }
}
