/**
 * Half precision by its definition, in float64 arithmetic: the nearest multiple of the distance between neighbours, the even
 * multiple where two are equally near. Shares nothing with the bit operations of `binary16.ts`.
 */
import { type NdArray, ndarray } from '../ndarray.js';

/** The half-precision number nearest to x. */
export function roundToHalfOracle(x: number): number {
  if (!Number.isFinite(x) || x === 0) return x;
  const magnitude = Math.abs(x);
  // Neighbours are 2^(e - 10) apart from 2^e on; below 2^-14 they stay 2^-24 apart.
  let exponent = -14;
  while (exponent < 16 && magnitude >= 2 ** (exponent + 1)) exponent++;
  const distance = 2 ** (exponent - 10);
  const multiples = magnitude / distance;
  const below = Math.floor(multiples);
  const above = multiples - below;
  const nearest = above > 0.5 || (above === 0.5 && below % 2 === 1) ? below + 1 : below;
  const rounded = nearest * distance;
  return Math.sign(x) * (rounded > 65_504 ? Number.POSITIVE_INFINITY : rounded);
}

/** Every element rounded to half precision. */
export function toHalfOracle(x: NdArray): NdArray {
  return ndarray(x.shape, x.data.map(roundToHalfOracle));
}
