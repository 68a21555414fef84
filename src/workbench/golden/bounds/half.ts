/**
 * Error bounds of half precision: what was computed in float32 from half-precision inputs is rounded once to binary16. With
 * u16 = 2^-11, |fl(z) - z| <= max(u16 |z|, 2^-25) for the result z of the float32 computation, itself within E of the exact
 * value; from 65,520 on z becomes Infinity.
 */
import { roundToHalfOracle } from '../../../compute/half/half-oracle.js';
import { type Bounded, map } from '../running-error.js';

/** Half the distance from 1 to the next half-precision number, and half of the smallest one. */
export const halfRoundoff = 2 ** -11;
const halfSmallest = 2 ** -25;
const overflow = 65_520;

/** The bound after the rounding. A value that overflows whatever its error is Infinity; one that may is charged without limit. */
export function roundedToHalf(a: Bounded): Bounded {
  return map(a, (x, e) => {
    const magnitude = Math.abs(x);
    if (magnitude - e >= overflow) return [roundToHalfOracle(x), 0];
    if (magnitude + e >= overflow) return [x, Number.POSITIVE_INFINITY];
    return [x, e + Math.max(halfRoundoff * (magnitude + e), halfSmallest)];
  });
}
