/**
 * When two numbers count as the same. The defaults are made for values computed in float32 by different devices: each
 * orders its sums in its own way, and n roundings of relative size u = 2⁻²⁴ gather to about √n·u.
 */
import { ulp32 } from '../../src/workbench/verify/compare.js';

export interface Tolerance {
  /** Allowed |value - golden|. */
  atol: number;
  /** The same per |golden|. */
  rtol: number;
  /** The same in units in the last place of float32 at the golden value. */
  ulp: number;
  /** Whole numbers count things: while nobody gave a tolerance, 4096 is not 4097. */
  exactCounts: boolean;
}

/** √n·u for n = 2¹⁶ roundings; and at zero, where terms near one may have cancelled, sixteen of them. */
export const defaultTolerance: Tolerance = { rtol: 2 ** -16, atol: 2 ** -20, ulp: 0, exactCounts: true };

/** Whole numbers up to here are exact in float32. */
const exactLimit = 2 ** 24;

/** The allowed |actual - golden|. At NaN and infinities only the same value will do. */
export function allowedDifference(golden: number, actual: number, tolerance: Tolerance): number {
  if (!Number.isFinite(golden) || !Number.isFinite(actual)) return 0;
  if (areCounts(golden, actual, tolerance)) return 0;
  const { atol, rtol, ulp } = tolerance;
  return atol + rtol * Math.abs(golden) + (ulp === 0 ? 0 : ulp * ulp32(golden));
}

/** Both are whole numbers, and such must be equal. Sums of whole numbers are, too. */
export function areCounts(golden: number, actual: number, tolerance: Tolerance): boolean {
  return tolerance.exactCounts && isCount(golden) && isCount(actual);
}

/** NaN is NaN, and -0 is 0. */
export function agree(golden: number, actual: number, allowed: number): boolean {
  if (golden === actual || (Number.isNaN(golden) && Number.isNaN(actual))) return true;
  return Math.abs(actual - golden) <= allowed;
}

function isCount(value: number): boolean {
  return Number.isInteger(value) && Math.abs(value) <= exactLimit;
}
