/**
 * Running error analysis (Higham, Accuracy and Stability of Numerical Algorithms, 2nd ed., section 3.3): arithmetic on
 * float64 values that carry, element by element, a bound on how far any float32 computation of the same quantity may
 * be off, to first order. A golden case's tolerance comes out of the operation's own formula and the case's own
 * numbers; nothing is tuned.
 *
 * u = 2^-24; gamma_n = n u / (1 - n u) bounds n roundings in any order. Built-in functions are charged what the WGSL
 * specification allows, which the CPU backends undercut: division 2.5 ULP, inverseSqrt 2 ULP, exp(x) 3 + 2|x| ULP; an
 * ULP is at most 2u of the value.
 */
import { type NdArray, ndarray, sizeOf } from '../../compute/ndarray.js';
import { broadcastStrides, shown } from '../../compute/shapes.js';
import { gamma, unitRoundoff as u } from '../verify/bounds.js';

/** A quantity and a bound on the absolute error of its float32 computation. */
export interface Bounded {
  readonly value: NdArray;
  readonly error: NdArray;
}

/** An input: the same float32 numbers on both sides. */
export function exact(value: NdArray): Bounded {
  return { value, error: ndarray(value.shape) };
}

/** A quantity computed in float64 and rounded once to float32. */
export function rounded(value: NdArray): Bounded {
  return { value, error: { shape: value.shape, data: value.data.map((x) => u * Math.abs(x)) } };
}

type Rule = (a: number, b: number, ea: number, eb: number) => [value: number, error: number];

/** Element by element, with broadcasting. */
function combine(a: Bounded, b: Bounded, rule: Rule): Bounded {
  const shape = broadcastShape(a.value.shape, b.value.shape);
  const value = ndarray(shape);
  const error = ndarray(shape);
  const indexA = broadcastIndex(a.value.shape, shape);
  const indexB = broadcastIndex(b.value.shape, shape);
  for (let n = 0; n < value.data.length; n++) {
    const i = indexA(n);
    const j = indexB(n);
    const [v, e] = rule(a.value.data[i]!, b.value.data[j]!, a.error.data[i]!, b.error.data[j]!);
    value.data[n] = v;
    error.data[n] = e;
  }
  return { value, error };
}

export function add(a: Bounded, b: Bounded): Bounded {
  return combine(a, b, (x, y, ex, ey) => [x + y, ex + ey + u * Math.abs(x + y)]);
}

export function subtract(a: Bounded, b: Bounded): Bounded {
  return combine(a, b, (x, y, ex, ey) => [x - y, ex + ey + u * Math.abs(x - y)]);
}

export function multiply(a: Bounded, b: Bounded): Bounded {
  return combine(a, b, (x, y, ex, ey) => [
    x * y,
    Math.abs(x) * ey + Math.abs(y) * ex + ex * ey + u * Math.abs(x * y) + lost(x * y),
  ]);
}

/** Multiplication by a number rounded to float32. */
export function scaleBy(a: Bounded, factor: number): Bounded {
  return map(a, (x, e) => [
    x * factor,
    Math.abs(factor) * e + 2 * u * Math.abs(x * factor) + lost(x * factor),
  ]);
}

/** 1/sqrt(x) for x > 0. */
export function inverseSqrt(a: Bounded): Bounded {
  return map(a, (x, e) => {
    const y = 1 / Math.sqrt(x);
    return [y, y * ((0.5 * e) / x + 4 * u)];
  });
}

/** The root of x >= 0; one of an argument that may be 0 is charged the root of its error. */
export function squareRoot(a: Bounded): Bounded {
  return map(a, (x, e) => {
    const root = Math.sqrt(Math.max(x, 0));
    const given = e === 0 ? 0 : Math.min(Math.sqrt(e), e / (2 * Math.sqrt(Math.max(x - e, 0))));
    return [root, given + 12 * u * root];
  });
}

/** exp(x): the argument's error becomes a relative one, beside the function's own. */
export function exponential(a: Bounded): Bounded {
  return map(a, (x, e) => [
    Math.exp(x),
    Math.exp(x) * (Math.expm1(e) + 2 * u * (3 + 2 * Math.abs(x))) + flushed,
  ]);
}

/** 1 / (1 + exp(-x)). Below the smallest normal number it may be 0. */
export function sigmoid(a: Bounded): Bounded {
  return map(a, (x, e) => {
    const y = 1 / (1 + Math.exp(-x));
    const ofExponential = Math.min(1, Math.expm1(e)) + 2 * u * (3 + 2 * Math.abs(x));
    return [y, y * ((1 - y) * ofExponential + 6 * u) + flushed];
  });
}

export function divide(a: Bounded, b: Bounded): Bounded {
  return combine(a, b, (x, y, ex, ey) => {
    const quotient = x / y;
    return [
      quotient,
      (ex + Math.abs(quotient) * ey) / Math.max(0, Math.abs(y) - ey) + 5 * u * Math.abs(quotient),
    ];
  });
}

/** The smallest normal float32: what is below may be flushed to zero. */
export const flushed = 2 ** -126;

/** What flushing may take from a product. */
function lost(product: number): number {
  return Math.min(Math.abs(product), flushed);
}

/** Element by element; `rule` gives the value and its error from x and the error of x. */
export function map(a: Bounded, rule: (x: number, e: number) => [value: number, error: number]): Bounded {
  const value = ndarray(a.value.shape);
  const error = ndarray(a.value.shape);
  for (let n = 0; n < value.data.length; n++) {
    const [v, e] = rule(a.value.data[n]!, a.error.data[n]!);
    value.data[n] = v;
    error.data[n] = e;
  }
  return { value, error };
}

/** Sum over the last axis, which stays with extent 1. */
export function sumLast(a: Bounded): Bounded {
  const n = a.value.shape[a.value.shape.length - 1]!;
  const shape = [...a.value.shape.slice(0, -1), 1];
  const value = ndarray(shape);
  const error = ndarray(shape);
  for (let row = 0; row < value.data.length; row++) {
    let magnitude = 0;
    for (let c = 0; c < n; c++) {
      value.data[row]! += a.value.data[row * n + c]!;
      error.data[row]! += a.error.data[row * n + c]!;
      magnitude += Math.abs(a.value.data[row * n + c]!);
    }
    error.data[row]! += gamma(n) * magnitude;
  }
  return { value, error };
}

/** Batched matrix product [...,m,n] x [...,n,p]; the batch axes must be equal. */
export function matmul(a: Bounded, b: Bounded): Bounded {
  const [m, n] = a.value.shape.slice(-2) as [number, number];
  const [n2, p] = b.value.shape.slice(-2) as [number, number];
  const batch = a.value.shape.slice(0, -2);
  if (n !== n2 || sizeOf(batch) !== sizeOf(b.value.shape.slice(0, -2))) {
    throw new RangeError(`matmul: ${shown(a.value.shape)} and ${shown(b.value.shape)} do not fit`);
  }
  const value = ndarray([...batch, m, p]);
  const error = ndarray([...batch, m, p]);
  const rounding = gamma(n);
  for (let row = 0; row < sizeOf(batch) * m; row++) {
    const block = Math.floor(row / m) * n * p;
    for (let k = 0; k < n; k++) {
      const x = a.value.data[row * n + k]!;
      const ex = a.error.data[row * n + k]!;
      for (let c = 0; c < p; c++) {
        const y = b.value.data[block + k * p + c]!;
        const ey = b.error.data[block + k * p + c]!;
        value.data[row * p + c]! += x * y;
        error.data[row * p + c]! +=
          Math.abs(x) * ey + ex * Math.abs(y) + ex * ey + rounding * Math.abs(x * y) + lost(x * y);
      }
    }
  }
  return { value, error };
}

/** Swaps the last two axes. */
export function transposeLast(a: Bounded): Bounded {
  const rank = a.value.shape.length;
  const axes = Array.from({ length: rank }, (_, axis) => axis);
  return permute(a, [...axes.slice(0, -2), rank - 1, rank - 2]);
}

export function permute(a: Bounded, axes: readonly number[]): Bounded {
  const shape = axes.map((axis) => a.value.shape[axis]!);
  const strides = axes.map((axis) => sizeOf(a.value.shape.slice(axis + 1)));
  const index = stridedIndex(shape, strides);
  const move = (from: NdArray) =>
    ndarray(
      shape,
      Float64Array.from(from.data, (_, n) => from.data[index(n)]!),
    );
  return { value: move(a.value), error: move(a.error) };
}

export function reshape(a: Bounded, shape: readonly number[]): Bounded {
  return { value: ndarray(shape, a.value.data), error: ndarray(shape, a.error.data) };
}

function broadcastShape(a: readonly number[], b: readonly number[]): number[] {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, axis) => {
    const x = a[axis - rank + a.length] ?? 1;
    const y = b[axis - rank + b.length] ?? 1;
    if (x !== y && x !== 1 && y !== 1) throw new RangeError(`${shown(a)} and ${shown(b)} do not broadcast`);
    return x === 1 ? y : x;
  });
}

function broadcastIndex(shape: readonly number[], target: readonly number[]): (n: number) => number {
  if (sizeOf(shape) === sizeOf(target)) return (n) => n;
  return stridedIndex(target, broadcastStrides(shape, target)!);
}

function stridedIndex(shape: readonly number[], strides: readonly number[]): (n: number) => number {
  return (n) => {
    let rest = n;
    let index = 0;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      index += (rest % shape[axis]!) * strides[axis]!;
      rest = Math.floor(rest / shape[axis]!);
    }
    return index;
  };
}
