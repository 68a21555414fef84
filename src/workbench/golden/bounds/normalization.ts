/**
 * Error bounds of layer, batch, instance and group normalisation and of weight normalisation: the formulas of
 * `src/norm` in bounded arithmetic, on x seen as rows [R,M] that share their statistics.
 */
import { type NdArray, ndarray, sizeOf } from '../../../compute/ndarray.js';
import {
  add,
  type Bounded,
  exact,
  inverseSqrt,
  multiply,
  permute,
  reshape,
  rounded,
  scaleBy,
  subtract,
  sumLast,
  transposeLast,
} from '../running-error.js';
import { rmsNormErrors } from './rms-norm.js';

export interface NormErrors {
  out: Bounded;
  /** Present when a cotangent was given. */
  x?: Bounded;
  gain?: Bounded;
  bias?: Bounded;
}

/** How x is cut: the shape it is read as, the order of its axes that makes the statistics' rows, and their count. */
interface Cut {
  parts: number[];
  order: number[];
  rows: number;
  /** Shape of gain and bias against `parts`. */
  affine: number[];
}

export interface AffineArrays {
  gain?: NdArray;
  bias?: NdArray;
}

export function layerNormErrors(
  x: NdArray,
  affine: AffineArrays,
  dy: NdArray | undefined,
  axes: number,
  eps: number,
): NormErrors {
  const M = sizeOf(x.shape.slice(x.shape.length - axes));
  const rows = M === 0 ? 0 : x.data.length / M;
  return normErrors(x, affine, dy, eps, { parts: [rows, M], order: [0, 1], rows, affine: [1, M] });
}

/** [B,before,C,after] -> [C, B before after] */
export function batchNormErrors(
  x: NdArray,
  affine: AffineArrays,
  dy: NdArray | undefined,
  channelAxis: number,
  eps: number,
): NormErrors & { mean: Bounded; variance: Bounded } {
  const { parts, C } = channels(x, channelAxis);
  const cut = { parts, order: [2, 0, 1, 3], rows: C, affine: [1, 1, C, 1] };
  const { mean, variance } = statistics(toRows(exact(x), cut));
  const M = x.data.length / C;
  return {
    ...normErrors(x, affine, dy, eps, cut),
    mean: reshape(mean, [C]),
    variance: reshape(scaleBy(variance, M / (M - 1)), [C]),
  };
}

/** By the running statistics, which are constants. */
export function batchNormEvalErrors(
  x: NdArray,
  affine: AffineArrays,
  running: { mean: NdArray; variance: NdArray },
  dy: NdArray | undefined,
  channelAxis: number,
  eps: number,
): NormErrors {
  const { parts, C } = channels(x, channelAxis);
  const wide = (array: NdArray) => reshape(exact(array), [1, 1, C, 1]);
  const inverse = inverseSqrt(add(wide(running.variance), epsilon(eps)));
  const normalized = multiply(subtract(reshape(exact(x), parts), wide(running.mean)), inverse);
  const cut = { parts, order: [2, 0, 1, 3], rows: C, affine: [1, 1, C, 1] };
  const { out, weighted, ...rest } = affineErrors(x, normalized, affine, dy, cut);
  return { out, ...rest, ...(weighted ? { x: reshape(multiply(weighted, inverse), x.shape) } : {}) };
}

export function groupNormErrors(
  x: NdArray,
  groups: number,
  affine: AffineArrays,
  dy: NdArray | undefined,
  channelAxis: number,
  eps: number,
): NormErrors {
  const { parts, C } = channels(x, channelAxis);
  const rows = parts[0]! * groups;
  return normErrors(x, affine, dy, eps, { parts, order: [0, 2, 1, 3], rows, affine: [1, 1, C, 1] });
}

/** w = g rmsNorm(v) / sqrt(M). */
export function weightNormErrors(v: NdArray, g: NdArray, dw: NdArray | undefined) {
  const [out, M] = [g.data.length, v.data.length / g.data.length];
  const rows = ndarray([out, M], v.data);
  const column = reshape(exact(g), [out, 1]);
  const gain = ndarray([M], new Array(M).fill(Math.fround(1 / Math.sqrt(M))));
  const direction = slack(rmsNormErrors(rows, gain, undefined, 0).out);
  const w = reshape(multiply(direction, column), v.shape);
  if (!dw) return { out: w };
  const upstream = reshape(exact(dw), [out, M]);
  const dg = sumLast(multiply(upstream, direction));
  const weighted = multiply(upstream, column);
  const inverse = inverseSqrt(scaleBy(sumLast(multiply(exact(rows), exact(rows))), 1));
  const along = sumLast(multiply(weighted, direction));
  const dv = multiply(inverse, subtract(weighted, multiply(direction, along)));
  return { out: w, v: reshape(slack(slack(dv)), v.shape), g: reshape(dg, [out]) };
}

/** The factor 1/sqrt(M) is itself rounded, and a product with it is one operation more than in the formula. */
function slack(a: Bounded): Bounded {
  return scaleBy(a, 1);
}

function channels(x: NdArray, channelAxis: number): { parts: number[]; C: number } {
  const C = x.shape[channelAxis]!;
  const before = sizeOf(x.shape.slice(1, channelAxis));
  return { parts: [x.shape[0]!, before, C, sizeOf(x.shape.slice(channelAxis + 1))], C };
}

function epsilon(eps: number): Bounded {
  return rounded(ndarray([1], [eps]));
}

function toRows(a: Bounded, { parts, order, rows }: Cut): Bounded {
  return reshape(permute(reshape(a, parts), order), [rows, rows === 0 ? 0 : sizeOf(parts) / rows]);
}

function fromRows(a: Bounded, { parts, order }: Cut): Bounded {
  const ordered = order.map((axis) => parts[axis]!);
  return permute(
    reshape(a, ordered),
    order.map((_, axis) => order.indexOf(axis)),
  );
}

function rowMean(rows: Bounded): Bounded {
  return sumLast(scaleBy(rows, 1 / rows.value.shape[1]!));
}

/** A common error delta of the mean adds to the variance only in second order, because deviations sum to zero. */
function statistics(rows: Bounded): { mean: Bounded; centred: Bounded; variance: Bounded } {
  const mean = rowMean(rows);
  const centred = subtract(rows, mean);
  return { mean, centred, variance: rowMean(multiply(centred, centred)) };
}

function normErrors(
  x: NdArray,
  affine: AffineArrays,
  dy: NdArray | undefined,
  eps: number,
  cut: Cut,
): NormErrors {
  const { centred, variance } = statistics(toRows(exact(x), cut));
  const inverse = inverseSqrt(add(variance, epsilon(eps)));
  const normalized = multiply(centred, inverse);
  const { out, weighted, ...rest } = affineErrors(x, fromRows(normalized, cut), affine, dy, cut);
  if (!weighted) return { out };
  const dn = toRows(weighted, cut);
  const along = multiply(normalized, rowMean(multiply(dn, normalized)));
  const dx = multiply(inverse, subtract(subtract(dn, rowMean(dn)), along));
  return { out, ...rest, x: reshape(fromRows(dx, cut), x.shape) };
}

/** normalized * gain + bias and the gradients of gain and bias; `weighted` is dy * gain. All in the shape `parts`. */
function affineErrors(
  x: NdArray,
  normalized: Bounded,
  { gain, bias }: AffineArrays,
  dy: NdArray | undefined,
  cut: Cut,
): { out: Bounded; weighted?: Bounded; gain?: Bounded; bias?: Bounded } {
  const wide = (array: NdArray) => reshape(exact(array), cut.affine);
  const scaled = gain ? multiply(normalized, wide(gain)) : normalized;
  const out = reshape(bias ? add(scaled, wide(bias)) : scaled, x.shape);
  if (!dy) return { out };
  const upstream = reshape(exact(dy), cut.parts);
  return {
    out,
    weighted: gain ? multiply(upstream, wide(gain)) : upstream,
    ...(gain ? { gain: perParameter(multiply(upstream, normalized), gain.shape, cut) } : {}),
    ...(bias ? { bias: perParameter(upstream, bias.shape, cut) } : {}),
  };
}

/** Sums over everything but the parameter's own axes. */
function perParameter(a: Bounded, shape: readonly number[], { parts }: Cut): Bounded {
  const table = parts.length === 2 ? transposeLast(a) : permute(a, [2, 0, 1, 3]);
  const count = sizeOf(shape);
  return reshape(sumLast(reshape(table, [count, count === 0 ? 0 : sizeOf(parts) / count])), shape);
}
