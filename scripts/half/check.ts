/** What a check of half precision is. */

import { type HalfTensor, halfGrads, toHalf, toHalfOracle } from '../../src/compute/half/index.js';
import type { NdArray } from '../../src/compute/ndarray.js';
import { seededNormal } from '../../src/compute/random.js';
import { fromNdArray } from '../../src/compute/read.js';
import type { tf } from '../../src/compute/tf.js';
import type { Bounded } from '../../src/workbench/golden/running-error.js';

/** 'composed' runs on every backend, 'fused' on webgpu with shader-f16. */
export type CheckedPath = 'fused' | 'composed';

export interface HalfCheck {
  name: string;
  /** The kernels that have to run, in order of their first launch; empty for the composed form. */
  kernel: string;
  run: () => Result | Result[];
  /**
   * Of each result: what the oracle gives, and a bound on the error of the float32 computation; the rounding of a half tensor
   * is added.
   */
  expected: Bounded | Bounded[];
}

export type Result = HalfTensor | tf.Tensor;

/** Normal numbers that half precision has. */
export function halfNormal(shape: readonly number[], seed: number, spread = 1): NdArray {
  return toHalfOracle(seededNormal([...shape], seed, spread));
}

export function halfFrom(array: NdArray): HalfTensor {
  return toHalf(fromNdArray(array));
}

/** The gradients of a function of half tensors with respect to its inputs, given that of its result. */
export function gradientsAt(
  f: (...inputs: HalfTensor[]) => Result,
  inputs: readonly NdArray[],
  dy: NdArray,
): HalfTensor[] {
  return halfGrads(f)(inputs.map(halfFrom), fromNdArray(dy));
}

/**
 * What matrix units may add: they align the products of a step and cut off what does not fit, where float32 arithmetic
 * rounds (Fasi et al. 2021, Numerical behavior of NVIDIA tensor cores), so that an addition costs 2u instead of u.
 */
export const cutOff = 2;
