/** What a check of half precision is. */
import type { NdArray } from '../../src/compute/ndarray.js';
import { seededNormal } from '../../src/compute/random.js';
import { fromNdArray } from '../../src/compute/read.js';
import type { tf } from '../../src/compute/tf.js';
import { type HalfTensor, toHalf, toHalfOracle } from '../../src/half/index.js';

/** 'composed' runs on every backend, 'fused' on webgpu with shader-f16. */
export type CheckedPath = 'fused' | 'composed';

export interface HalfCheck {
  name: string;
  /** The kernel that has to run; empty for the composed form. */
  kernel: string;
  run: () => HalfTensor | tf.Tensor;
  expected: NdArray;
  /** Bound on the error of the float32 computation; the rounding of a half tensor is added. */
  error: NdArray;
}

/** Normal numbers that half precision has. */
export function halfNormal(shape: readonly number[], seed: number, spread = 1): NdArray {
  return toHalfOracle(seededNormal([...shape], seed, spread));
}

export function halfFrom(array: NdArray): HalfTensor {
  return toHalf(fromNdArray(array));
}

/**
 * What matrix units may add: they align the products of a step and cut off what does not fit, where float32 arithmetic
 * rounds (Fasi et al. 2021, Numerical behavior of NVIDIA tensor cores), so that an addition costs 2u instead of u.
 */
export const cutOff = 2;
