/** What tests of half precision share. */
import { type NdArray, ndarray } from '../../src/compute/ndarray.js';
import { seededNormal } from '../../src/compute/random.js';
import { fromNdArray } from '../../src/compute/read.js';
import { roundedToHalf } from '../../src/golden/bounds/half.js';
import type { Bounded } from '../../src/golden/running-error.js';
import { type HalfTensor, toFloat, toHalf, toHalfOracle } from '../../src/half/index.js';
import { expectWithin } from './numeric.js';

/** Normal numbers that half precision has. */
export function halfNormal(shape: readonly number[], seed: number, spread = 1): NdArray {
  return toHalfOracle(seededNormal([...shape], seed, spread));
}

export function halfFrom(array: NdArray): HalfTensor {
  return toHalf(fromNdArray(array));
}

/** Expects what a float32 computation within `bounds` becomes when it is rounded to half precision. */
export async function expectHalfWithin(what: string, actual: HalfTensor, bounds: Bounded): Promise<void> {
  const half = roundedToHalf(bounds);
  await expectWithin(what, toFloat(actual), ndarray(actual.shape, half.value.data), half);
}
