/**
 * Error bounds of softmax. A weight p_j = e^(x_j - m) / l moves by |dp_j| <= p_j ((1 - p_j) E_j + sum over k != j of
 * p_k E_k), where E_j adds to the error of x_j those of the subtraction and the exponential and, for the online form,
 * of every rescaling e^(m - m') on the way.
 */

import { type NdArray, ndarray } from '../../../compute/ndarray.js';
import { lanes } from '../../../compute/rows.wgsl.js';
import { gamma, unitRoundoff as u } from '../../verify/bounds.js';
import { type Bounded, exact, flushed, multiply, reshape, subtract, sumLast } from '../running-error.js';

/** Softmax over the last axis, and the gradient for cotangent `dy`. */
export function softmaxErrors(x: NdArray, dy: NdArray | undefined): { out: Bounded; x?: Bounded } {
  const C = x.shape[x.shape.length - 1]!;
  const rows = reshape(exact(x), [x.data.length / C, C]);
  const out = exact(ndarray(rows.value.shape));
  const columns = Array.from({ length: C }, (_, c) => c);
  for (let row = 0; row < x.data.length; row += C) {
    softmaxRow(rows, row, columns, Math.ceil(C / lanes), out, ndarray(rows.value.shape));
  }
  if (!dy) return { out: reshape(out, x.shape) };
  const upstream = reshape(exact(dy), rows.value.shape);
  const dx = multiply(out, subtract(upstream, sumLast(multiply(out, upstream))));
  return { out: reshape(out, x.shape), x: reshape(dx, x.shape) };
}

/**
 * One row of `logits`, from `start` on, over the columns `seen`: fills in the weights with their bound, and the bound for
 * weights that are recomputed from the saved (m, l). `tiles` bounds the rescalings of the online form.
 */
export function softmaxRow(
  logits: Bounded,
  start: number,
  seen: readonly number[],
  tiles: number,
  forward: Bounded,
  backwardError: NdArray,
): void {
  const at = (j: number) => logits.value.data[start + j]!;
  const largest = seen.reduce((m, j) => Math.max(m, at(j)), Number.NEGATIVE_INFINITY);
  const total = seen.reduce((sum, j) => sum + Math.exp(at(j) - largest), 0);
  const p = seen.map((j) => Math.exp(at(j) - largest) / total);
  // Per exponential: one rounding of the argument, 3 + 2|x| ULP of 2u, and the same for the rescalings, whose
  // arguments add up to no more than |x|; each of these is also one multiplication.
  const own = seen.map((j) => {
    const range = largest - at(j);
    return logits.error.data[start + j]! + u * (10 * range + 7 + 8 * tiles);
  });
  const mean = own.reduce((sum, e, n) => sum + p[n]! * e, 0);
  const ending = gamma(seen.length + 1) + 5 * u;
  seen.forEach((j, n) => {
    const others = mean - p[n]! * own[n]!;
    forward.value.data[start + j] = p[n]!;
    // A weight below the smallest normal number may be flushed to 0.
    forward.error.data[start + j] = p[n]! * ((1 - p[n]!) * own[n]! + others + ending) + flushed;
    backwardError.data[start + j] = p[n]! * (own[n]! + mean + ending) + flushed;
  });
}
