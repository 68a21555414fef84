/** What adapters start from: seeded, so that the same seed gives the same adapter on every machine. */
import { type NdArray, ndarray } from '../../../compute/ndarray.js';
import { seededUniform } from '../../../compute/random.js';

export function zeros(shape: readonly number[]): NdArray {
  return ndarray(shape);
}

export function ones(shape: readonly number[]): NdArray {
  const array = ndarray(shape);
  array.data.fill(1);
  return array;
}

/** Uniform in ±1/sqrt(in), in being the last axis: PyTorch's linear layers and LoRA's A. */
export function uniformByWidth(shape: readonly number[], seed: number): NdArray {
  const uniform = seededUniform(seed);
  const bound = 1 / Math.sqrt(shape.at(-1)!);
  const array = ndarray(shape);
  array.data.forEach((_, n) => {
    array.data[n] = Math.fround((2 * uniform() - 1) * bound);
  });
  return array;
}

/** Another seed for each part of an adapter, and for each seed of an adapter. */
export function seedOf(seed: number, index: number): number {
  return seed * 65_537 + index + 1;
}
