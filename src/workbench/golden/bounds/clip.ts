/**
 * Error bounds of clipping by the global norm. The norm of n numbers is unit * sqrt(sum (g / unit)^2): a division of 2.5 ULP, a square,
 * gamma(n) for the sum, all halved by the root, then the root and a product. What is infinite or NaN is so without an error.
 */
import { type NdArray, ndarray } from '../../../compute/ndarray.js';
import { gamma, unitRoundoff as u } from '../../verify/bounds.js';
import { type Bounded, exact, map, multiply, scaleBy } from '../running-error.js';

export function clipErrors(
  gradients: readonly NdArray[],
  maxNorm: number,
  normType: number,
): { norm: Bounded; gradients: Bounded[] } {
  const values = gradients.flatMap(({ data }) => [...data]);
  const largest = values.reduce((most, g) => Math.max(most, Math.abs(g)), 0);
  const euclidean = normType === 2;
  const unit = largest > 0 && largest < Number.POSITIVE_INFINITY ? largest : 1;
  const value = euclidean ? unit * Math.sqrt(values.reduce((sum, g) => sum + (g / unit) ** 2, 0)) : largest;
  const relative = euclidean ? (gamma(values.length) + 16 * u) / 2 + 14 * u : 0;
  const finite = Number.isFinite(value);
  const norm: Bounded = {
    value: ndarray([], [value]),
    error: ndarray([], [finite ? relative * value : 0]),
  };
  const factor: Bounded = finite
    ? map(norm, (x, e) => {
        const share = maxNorm / (x + 1e-6);
        return [Math.min(1, share), share > 1 + 1e-4 ? 0 : share * (e / x + 8 * u)];
      })
    : exact(ndarray([], [value === Number.POSITIVE_INFINITY ? 0 : Number.NaN]));
  return { norm, gradients: gradients.map((gradient) => scaleBy(multiply(exact(gradient), factor), 1)) };
}
