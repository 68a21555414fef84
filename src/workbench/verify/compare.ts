/**
 * The comparison itself: every element against its own allowed error, and three ways to state the worst one.
 * Pure functions over float64 values; NaN is outside every bound unless both sides may be NaN.
 */
import { sizeOf } from '../../compute/ndarray.js';
import type { Values } from './values.js';

/** Allowed |actual - expected| of one element: `absolute + relative * |expected| + ulp * ulp32(expected)`. */
export interface Allowance {
  absolute: number;
  relative: number;
  ulp: number;
}

export interface Worst {
  /** Position along each axis; empty for a scalar. */
  index: readonly number[];
  actual: number;
  expected: number;
  error: number;
  allowed: number;
}

export interface Comparison {
  /** Number of elements compared. */
  count: number;
  /** How many lie outside their allowed error. */
  outside: number;
  maxAbsolute: number;
  /** Largest |actual - expected| / |expected| over the elements with a non-zero expected value. */
  maxRelative: number;
  /** Largest error in units in the last place of a float32 at the expected value. */
  maxUlp: number;
  /** The element that uses most of its allowed error; undefined when nothing was compared. */
  worst: Worst | undefined;
}

/** Spacing of float32 numbers at `value`: 2^(e - 23), never below the smallest subnormal 2^-149. */
export function ulp32(value: number): number {
  const magnitude = Math.abs(value);
  if (!Number.isFinite(magnitude)) return Number.NaN;
  const exponent = magnitude === 0 ? -126 : Math.max(-126, exponentOf(magnitude));
  return 2 ** (Math.min(exponent, 127) - 23);
}

const view = new DataView(new ArrayBuffer(8));

/** floor(log2(value)) of a positive float64, exactly; subnormals of float64 are far below -126 and clamp there. */
function exponentOf(value: number): number {
  view.setFloat64(0, value);
  return ((view.getUint16(0) >> 4) & 0x7ff) - 1023;
}

/** What makes the shapes differ, or undefined when they agree. A flat typed array only needs the right size. */
export function shapeDifference(actual: Values, expected: Values): string | undefined {
  const shown = (values: Values) => `[${values.shape ?? values.data.length}]`;
  const sameSize = actual.data.length === expected.data.length;
  const same =
    actual.shape && expected.shape
      ? sameSize &&
        actual.shape.length === expected.shape.length &&
        actual.shape.every((extent, axis) => extent === expected.shape![axis])
      : sameSize;
  return same
    ? undefined
    : `shapes differ: actual ${shown(actual)}, expected ${shown(expected)}; reshape or slice one of them`;
}

/** Compares element by element. The shapes must agree (`shapeDifference`). */
export function compare(
  actual: Values,
  expected: Values,
  allowance: Allowance,
  options: { nanEqual?: boolean } = {},
): Comparison {
  const count = actual.data.length;
  let outside = 0;
  let maxAbsolute = 0;
  let maxRelative = 0;
  let maxUlp = 0;
  let worstAt = -1;
  let worstUse = -1;
  for (let i = 0; i < count; i++) {
    const a = actual.data[i]!;
    const e = expected.data[i]!;
    const error = elementError(a, e, options.nanEqual ?? false);
    const allowed = allowedAt(e, allowance);
    // Written so that a NaN error counts as outside and as the worst.
    if (!(error <= allowed)) outside++;
    const use = Number.isNaN(error) ? Number.POSITIVE_INFINITY : error === 0 ? 0 : error / allowed;
    if (use > worstUse) {
      worstUse = use;
      worstAt = i;
    }
    maxAbsolute = maxOrNaN(maxAbsolute, error);
    if (e !== 0) maxRelative = maxOrNaN(maxRelative, error === 0 ? 0 : error / Math.abs(e));
    maxUlp = maxOrNaN(maxUlp, error === 0 ? 0 : error / ulp32(e));
  }
  return { count, outside, maxAbsolute, maxRelative, maxUlp, worst: worst() };

  function worst(): Worst | undefined {
    if (worstAt < 0) return undefined;
    const a = actual.data[worstAt]!;
    const e = expected.data[worstAt]!;
    return {
      index: unravel(worstAt, actual.shape ?? expected.shape ?? [count]),
      actual: a,
      expected: e,
      error: elementError(a, e, options.nanEqual ?? false),
      allowed: allowedAt(e, allowance),
    };
  }
}

/** Equal infinities have no error, although their difference is NaN. */
function elementError(actual: number, expected: number, nanEqual: boolean): number {
  if (actual === expected) return 0;
  if (nanEqual && Number.isNaN(actual) && Number.isNaN(expected)) return 0;
  return Math.abs(actual - expected);
}

/** At an infinite or NaN expected value nothing but equality is right. */
function allowedAt(expected: number, { absolute, relative, ulp }: Allowance): number {
  if (!Number.isFinite(expected)) return 0;
  return absolute + relative * Math.abs(expected) + (ulp === 0 ? 0 : ulp * ulp32(expected));
}

function maxOrNaN(a: number, b: number): number {
  return Number.isNaN(a) || Number.isNaN(b) ? Number.NaN : Math.max(a, b);
}

function unravel(flat: number, shape: readonly number[]): number[] {
  let rest = flat;
  return shape.map((extent, axis) => {
    const stride = sizeOf(shape.slice(axis + 1));
    const index = Math.floor(rest / stride) % extent;
    rest -= index * stride;
    return index;
  });
}
