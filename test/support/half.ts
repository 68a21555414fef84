/** What tests of half precision share. */

import { type HalfTensor, toFloat } from '../../src/compute/half/index.js';
import { ndarray } from '../../src/compute/ndarray.js';
import { roundedToHalf } from '../../src/workbench/golden/bounds/half.js';
import type { Bounded } from '../../src/workbench/golden/running-error.js';
import { expectWithin } from './numeric.js';

/** Expects what a float32 computation within `bounds` becomes when it is rounded to half precision. */
export async function expectHalfWithin(what: string, actual: HalfTensor, bounds: Bounded): Promise<void> {
  const half = roundedToHalf(bounds);
  await expectWithin(what, toFloat(actual), ndarray(actual.shape, half.value.data), half);
}
