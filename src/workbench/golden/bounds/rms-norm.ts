/** Error bounds of RMSNorm and its gradient: the formulas of `rms-norm.ts` in bounded arithmetic. */
import { type NdArray, ndarray } from '../../../compute/ndarray.js';
import {
  add,
  type Bounded,
  exact,
  inverseSqrt,
  multiply,
  reshape,
  rounded,
  scaleBy,
  subtract,
  sumLast,
  transposeLast,
} from '../running-error.js';

export function rmsNormErrors(x: NdArray, gain: NdArray, dy: NdArray | undefined, eps: number) {
  const C = gain.shape[0]!;
  const rows = reshape(exact(x), [x.data.length / C, C]);
  const mean = scaleBy(sumLast(multiply(rows, rows)), 1 / C);
  const inverse = inverseSqrt(add(mean, rounded(ndarray([1], [eps]))));
  const normalized = multiply(rows, inverse);
  const out = reshape(multiply(normalized, exact(gain)), x.shape);
  return { out, ...(dy ? gradients(dy) : {}) };

  function gradients(cotangent: NdArray): { x: Bounded; gain: Bounded } {
    const upstream = reshape(exact(cotangent), [x.data.length / C, C]);
    const weighted = multiply(upstream, exact(gain));
    const along = scaleBy(sumLast(multiply(weighted, normalized)), 1 / C);
    const dx = multiply(inverse, subtract(weighted, multiply(normalized, along)));
    const dgain = sumLast(transposeLast(multiply(upstream, normalized)));
    return { x: reshape(dx, x.shape), gain: reshape(dgain, [C]) };
  }
}
