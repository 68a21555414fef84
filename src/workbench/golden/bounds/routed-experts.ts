/**
 * Error bounds of routers with places, of experts that choose and of the router's losses. Choices are those of the float64 values: a case
 * in which one hangs on less than rounding has no bound.
 */
import { type NdArray, ndarray, sizeOf } from '../../../compute/ndarray.js';
import { unitRoundoff as u } from '../../verify/bounds.js';
import { type Bounded, exponential, map, multiply, scaleBy } from '../running-error.js';
import { type BoundedActivation, boundedActivation } from './activation.js';
import {
  affine,
  applied,
  leaf,
  part,
  plus,
  product,
  type Recorded,
  reshaped,
  scaled,
  times,
  together,
} from './tape.js';

const constant = (shape: readonly number[], values: ArrayLike<number>): Recorded =>
  leaf(ndarray(shape, values));
const filled = (shape: readonly number[], value: number): Recorded =>
  constant(shape, Array<number>(sizeOf(shape)).fill(value));

const inverse = (a: Bounded): Bounded =>
  map(a, (x, e) => [1 / x, e / Math.max(0, Math.abs(x) * (Math.abs(x) - e)) + (3 * u) / Math.abs(x)]);
const reciprocal: BoundedActivation = {
  value: inverse,
  derivative: (a) => scaleBy(multiply(inverse(a), inverse(a)), -1),
};
const exponent: BoundedActivation = { value: exponential, derivative: exponential };
const logarithm: BoundedActivation = {
  // WGSL: 2^-21 near 1, three units in the last place elsewhere.
  value: (a) =>
    map(a, (x, e) => [Math.log(x), e / Math.max(0, x - e) + 2 ** -21 + 6 * u * Math.abs(Math.log(x))]),
  derivative: inverse,
};
const sigmoid = boundedActivation('sigmoid');
const relu = boundedActivation('relu');
const silu = boundedActivation('silu');

/** Of each row of [N,E]: what is subtracted, and the exponentials with their sum [N,1]. */
function exponentialsOf(logits: Recorded): { largest: number[]; each: Recorded; total: Recorded } {
  const [N, E] = logits.value.shape as [number, number];
  const largest = Array.from({ length: N }, (_, row) =>
    Math.max(...logits.value.data.subarray(row * E, (row + 1) * E)),
  );
  const each = applied(
    plus(
      logits,
      constant(
        [N, 1],
        largest.map((value) => -value),
      ),
    ),
    exponent,
  );
  return { largest, each, total: times(each, filled([E, 1], 1)) };
}

function softmax(logits: Recorded): Recorded {
  const { each, total } = exponentialsOf(logits);
  return product(each, applied(total, reciprocal));
}

/** Row by row the k largest, best first, of equal ones the first. */
export function ranked({ shape, data }: NdArray, k: number): number[][] {
  const [N, E] = shape as [number, number];
  return Array.from({ length: N }, (_, row) =>
    Array.from({ length: E }, (_, e) => e)
      .sort((a, b) => data[row * E + b]! - data[row * E + a]! || a - b)
      .slice(0, k),
  );
}

export interface ReluExpertsArrays {
  w1: Recorded;
  w2: Recorded;
}

/** w2 relu(w1 x) of expert e; w1 [E,F,C], w2 [E,C,F]. */
export function reluExpert(x: Recorded, { w1, w2 }: ReluExpertsArrays, e: number): Recorded {
  return affine(applied(affine(x, matrix(w1, e)), relu), matrix(w2, e));
}

export function swiGluExpert(x: Recorded, [gate, up, down]: readonly Recorded[], e: number): Recorded {
  const hidden = product(applied(affine(x, matrix(gate!, e)), silu), affine(x, matrix(up!, e)));
  return affine(hidden, matrix(down!, e));
}

function matrix(stacked: Recorded, e: number): Recorded {
  return reshaped(part(stacked, 0, e, 1), stacked.value.shape.slice(1));
}

/** Probabilities [N,E] of tokens [N,C]. */
export function routed(x: Recorded, router: Recorded): Recorded {
  return softmax(affine(x, router));
}

/** @param kept [N,E] weights that are constants, 0 where an expert does not run for a token */
export function mixture(
  outputs: readonly Recorded[],
  weights: Recorded,
  kept: { shape: readonly number[]; data: ArrayLike<number> },
): Recorded {
  const shares = product(weights, constant(kept.shape, kept.data));
  return outputs.map((output, e) => product(output, part(shares, 1, e, 1))).reduce(plus);
}

/** weights [N,E] divided by the sum of those chosen. */
export function renormalised(probabilities: Recorded, chosen: NdArray): Recorded {
  const shares = product(probabilities, constant(chosen.shape, chosen.data));
  const total = times(shares, filled([chosen.shape[1]!, 1], 1));
  return product(shares, applied(total, reciprocal));
}

/** E sum f P over rows [begin, begin + count) of [N,E]; a scalar. */
export function balance(probabilities: Recorded, chosen: NdArray, begin: number, count: number): Recorded {
  const E = chosen.shape[1]!;
  const share = Array<number>(E).fill(0);
  for (let row = begin; row < begin + count; row++)
    for (let e = 0; e < E; e++) share[e]! += chosen.data[row * E + e]! / count;
  const mean = scaled(times(filled([1, count], 1), part(probabilities, 0, begin, count)), 1 / count);
  return reshaped(scaled(times(mean, constant([E, 1], share)), E), []);
}

export function meanOf(scalars: readonly Recorded[]): Recorded {
  return scaled(scalars.reduce(plus), 1 / scalars.length);
}

/** Mean of logsumexp^2 of the rows of [N,E]. */
export function zLoss(logits: Recorded): Recorded {
  const N = logits.value.shape[0]!;
  const { largest, total } = exponentialsOf(logits);
  const logSum = plus(applied(total, logarithm), constant([N, 1], largest));
  return reshaped(scaled(times(filled([1, N], 1), product(logSum, logSum)), 1 / N), []);
}

/** Sigmoids of the selected, divided by their sum, times `scale`: [N,k]. */
export function biasWeights(logits: Recorded, selected: readonly number[][], scale: number): Recorded {
  const [N, E] = logits.value.shape as [number, number];
  const scores = applied(logits, sigmoid);
  const own = Array.from({ length: selected[0]?.length ?? 0 }, (_, k) => {
    const mask = ndarray([N, E]);
    for (const [row, chosen] of selected.entries()) mask.data[row * E + chosen[k]!] = 1;
    return times(product(scores, constant([N, E], mask.data)), filled([E, 1], 1));
  });
  const columns = together(own, 1);
  return scaled(product(columns, applied(own.reduce(plus), reciprocal)), scale);
}
