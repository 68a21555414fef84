/**
 * Arrays of numbers in golden files. Short ones stand as they are. Long ones are kept as their shape, extremes, sums and
 * a sample spread over them, with bounds that follow from the tolerance of the elements: what agrees element by element
 * agrees in its summary. The weighted sum notices elements that changed places or against each other.
 */
import { sizeOf } from '../../src/compute/ndarray.js';
import { jsonNumber } from '../../src/display/format.js';
import type { Differences } from './difference.js';
import type { Fact } from './fact.js';
import { agree, allowedDifference, areCounts, type Tolerance } from './tolerance.js';

/** Arrays up to this long are kept whole. */
const longest = 24;
const sampleSize = 12;

/** Fields are in the order in which the file shows them. */
export interface NumbersFact {
  shape: number[];
  sum: number | string;
  weightedSum: number | string;
  absoluteSum: number | string;
  min: number | string;
  max: number | string;
  /** How many are NaN or infinite; those are in none of the sums. */
  notFinite: number;
  /** Elements of the flattened array, the first, the last, and others evenly between them. */
  sample: (number | string)[];
  [key: string]: Fact;
}

/** The summary of a rectangular array of numbers with many elements; undefined for anything else. */
export function summariseNumbers(value: unknown): NumbersFact | undefined {
  const shape: number[] = [];
  const flat = flatten(value, 0, shape);
  if (!flat || flat.length <= longest) return undefined;
  let [sum, weightedSum, absoluteSum, notFinite] = [0, 0, 0, 0];
  let [min, max] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const [index, element] of flat.entries()) {
    if (!Number.isFinite(element)) {
      notFinite++;
      continue;
    }
    sum += element;
    weightedSum += weightOf(index) * element;
    absoluteSum += Math.abs(element);
    min = Math.min(min, element);
    max = Math.max(max, element);
  }
  const sample = samplePlaces(flat.length).map((index) => jsonNumber(flat[index]!));
  return {
    shape,
    sum: jsonNumber(sum),
    weightedSum: jsonNumber(weightedSum),
    absoluteSum: jsonNumber(absoluteSum),
    min: jsonNumber(min),
    max: jsonNumber(max),
    notFinite,
    sample,
  };
}

export function isNumbersFact(fact: Fact): fact is NumbersFact {
  return (
    typeof fact === 'object' &&
    fact !== null &&
    !Array.isArray(fact) &&
    'weightedSum' in fact &&
    Array.isArray(fact.shape) &&
    Array.isArray(fact.sample)
  );
}

export function compareNumbers(
  golden: NumbersFact,
  actual: NumbersFact,
  tolerance: Tolerance,
  differences: Differences,
): void {
  if (String(golden.shape) !== String(actual.shape)) {
    differences.other(`[${golden.shape}]`, `[${actual.shape}]`, ' shape');
    return;
  }
  if (golden.notFinite !== actual.notFinite)
    differences.number(golden.notFinite, actual.notFinite, 0, ' count of NaN and infinities');
  const places = samplePlaces(sizeOf(golden.shape));
  const elements: [string, number | string, number | string][] = [
    ...places.map((place, i): [string, number | string, number | string] => [
      `[${indexOf(place, golden.shape)}]`,
      golden.sample[i] ?? Number.NaN,
      actual.sample[i] ?? Number.NaN,
    ]),
    [' smallest', golden.min, actual.min],
    [' largest', golden.max, actual.max],
  ];
  for (const [place, one, other] of elements) {
    const [g, a] = [Number(one), Number(other)];
    const allowed = allowedDifference(g, a, tolerance);
    if (!agree(g, a, allowed)) differences.number(g, a, allowed, place);
  }
  compareSums(golden, actual, tolerance, differences);
}

/** A sum over n elements, each off by what it may be: n·atol + Σ (rtol + ulp·2⁻²³)·|golden|, and float64's own rounding. */
function compareSums(
  golden: NumbersFact,
  actual: NumbersFact,
  tolerance: Tolerance,
  differences: Differences,
): void {
  const { atol, rtol, ulp } = tolerance;
  const count = sizeOf(golden.shape);
  const size = Number(golden.absoluteSum);
  const rounding = count * 2 ** -52 * size;
  const counts = areCounts(Number(golden.sum), Number(actual.sum), tolerance);
  const allowed = counts ? rounding : count * atol + (rtol + ulp * 2 ** -23) * size + rounding;
  for (const [place, one, other] of [
    [' sum', golden.sum, actual.sum],
    [' weighted sum', golden.weightedSum, actual.weightedSum],
  ] as const) {
    const [g, a] = [Number(one), Number(other)];
    if (!agree(g, a, allowed)) differences.number(g, a, allowed, place);
  }
}

/** All elements in order; undefined where something is no number or the rows differ in length. Fills in the shape. */
function flatten(value: unknown, axis: number, shape: number[]): number[] | undefined {
  if (!Array.isArray(value)) return undefined;
  if (shape[axis] === undefined) shape[axis] = value.length;
  else if (shape[axis] !== value.length) return undefined;
  const flat: number[] = [];
  for (const element of value as unknown[]) {
    if (Array.isArray(element)) {
      const inner = flatten(element, axis + 1, shape);
      if (!inner) return undefined;
      for (const one of inner) flat.push(one);
    } else {
      const number = asNumber(element);
      if (number === undefined || shape.length > axis + 1) return undefined;
      flat.push(number);
    }
  }
  return flat;
}

/** JSON writes NaN as null where nobody took care, and as text where somebody did. */
function asNumber(value: unknown): number | undefined {
  if (typeof value === 'number') return value;
  if (value === null || value === 'NaN') return Number.NaN;
  if (value === 'Infinity' || value === '-Infinity') return Number(value);
  return undefined;
}

function samplePlaces(length: number): number[] {
  return Array.from({ length: sampleSize }, (_, i) => Math.round((i * (length - 1)) / (sampleSize - 1)));
}

/** A number in [-1, 1) for each place, without a pattern: the place after MurmurHash3's finaliser. */
function weightOf(index: number): number {
  let hash = Math.imul(index ^ (index >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) / 2 ** 31;
}

function indexOf(flat: number, shape: readonly number[]): string {
  const places: number[] = [];
  let rest = flat;
  for (const extent of [...shape].reverse()) {
    places.unshift(rest % extent);
    rest = Math.floor(rest / extent);
  }
  return places.join('][');
}
