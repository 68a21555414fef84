/**
 * What a caller plots, as plain arrays that survive JSON: typed arrays are copied, float32 values keep the seven
 * digits they have, and whatever is not finite becomes null, which both renderers show as a gap.
 */
import { isNdArray, type NdArray } from '../../compute/ndarray.js';

/** A row of numbers: an array, a typed array, or the data of an NdArray. */
export type Numbers = ArrayLike<number> | NdArray;
/** Positions along an axis: numbers, or labels of categories. */
export type Positions = Numbers | readonly string[];
export type Plain = number | null;

/** @throws TypeError naming the caller, when the value is no row of numbers (a tensor must be read first). */
export function toNumbers(caller: string, values: Numbers): Plain[] {
  const source: unknown = isNdArray(values) ? values.data : values;
  if (isTensor(source)) {
    throw new TypeError(`${caller}: got a tensor; read it first: \`await read(tensor)\``);
  }
  if (!isArrayLike(source)) {
    throw new TypeError(`${caller}: expected an array or a typed array of numbers, got ${typeof source}`);
  }
  const single = source instanceof Float32Array;
  return Array.from(source, (value) => {
    if (typeof value !== 'number') {
      throw new TypeError(`${caller}: expected numbers, found ${JSON.stringify(value) ?? typeof value}`);
    }
    if (!Number.isFinite(value)) return null;
    return single ? Number(value.toPrecision(7)) : value;
  });
}

export function toPositions(caller: string, values: Positions): Plain[] | string[] {
  if (Array.isArray(values) && values.length > 0 && values.every((value) => typeof value === 'string')) {
    return [...values];
  }
  return toNumbers(caller, values as Numbers);
}

/** Rows of a matrix: an NdArray of rank 2, or an array of rows of equal length. */
export function toRows(caller: string, matrix: NdArray | readonly Numbers[]): Plain[][] {
  if (isTensor(matrix))
    throw new TypeError(`${caller}: got a tensor; read it first: \`await toNdArray(tensor)\``);
  if (isNdArray(matrix)) {
    const [rows, columns] = matrix.shape;
    if (matrix.shape.length !== 2 || rows === undefined || columns === undefined) {
      throw new TypeError(`${caller}: needs a matrix of shape [rows, columns], got [${matrix.shape}]`);
    }
    const flat = toNumbers(caller, matrix);
    return Array.from({ length: rows }, (_, row) => flat.slice(row * columns, (row + 1) * columns));
  }
  const rows = matrix.map((row) => toNumbers(caller, row));
  const lengths = new Set(rows.map((row) => row.length));
  if (lengths.size > 1) throw new TypeError(`${caller}: rows differ in length: ${[...lengths].join(', ')}`);
  return rows;
}

function isTensor(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'dataId' in value;
}

function isArrayLike(value: unknown): value is ArrayLike<unknown> {
  return Array.isArray(value) || (ArrayBuffer.isView(value) && !(value instanceof DataView));
}

/** Lowest and highest of the finite numbers, or undefined when there is none. */
export function extentOf(values: readonly unknown[]): [number, number] | undefined {
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const value of values) {
    if (typeof value !== 'number' || !Number.isFinite(value)) continue;
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  return low > high ? undefined : [low, high];
}
