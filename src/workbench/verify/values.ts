/**
 * Whatever a caller compares (tensor, NdArray, nested array, typed array, number) as a shape and float64 values.
 * Values read from a tensor remember their dtype, since a float32 result deserves a float32 error measure.
 */
import { isNdArray, type NdArray, sizeOf } from '../../compute/ndarray.js';

/** The part of a tfjs tensor that is used here; `data()` throws the GPU errors that are still pending. */
export interface TensorLike {
  readonly shape: readonly number[];
  readonly dtype: string;
  data(): Promise<ArrayLike<number>>;
}

type NestedNumbers = readonly (number | NestedNumbers)[];

export type Comparable =
  | number
  | boolean
  | TensorLike
  | NdArray
  | NestedNumbers
  | Float32Array
  | Float64Array
  | Int32Array
  | Uint8Array;

export interface Values {
  /** Undefined for a flat typed array, which fits any shape of the same size. */
  shape: readonly number[] | undefined;
  data: Float64Array;
  dtype: string;
}

/** The number format as tfjs and NumPy name it; undefined for plain numbers of JavaScript, which nobody chose. */
export function formatOf({ dtype }: Values): string | undefined {
  return dtype === 'number' ? undefined : dtype.replace(/Array$/, '').toLowerCase();
}

export function isTensorLike(value: unknown): value is TensorLike {
  const candidate = value as Partial<TensorLike> | null;
  return (
    typeof value === 'object' &&
    Array.isArray(candidate?.shape) &&
    typeof candidate?.dtype === 'string' &&
    typeof candidate?.data === 'function'
  );
}

/** @throws TypeError naming the caller when the value is none of the accepted kinds, or is ragged. */
export async function toValues(caller: string, value: unknown): Promise<Values> {
  if (typeof value === 'number' || typeof value === 'boolean') {
    return { shape: [], data: Float64Array.of(Number(value)), dtype: 'number' };
  }
  if (isTensorLike(value)) {
    return { shape: value.shape, data: Float64Array.from(await value.data()), dtype: value.dtype };
  }
  if (ArrayBuffer.isView(value) && !(value instanceof DataView)) {
    const view = value as unknown as ArrayLike<number>;
    return { shape: undefined, data: Float64Array.from(view), dtype: value.constructor.name };
  }
  if (isNdArray(value)) {
    if (sizeOf(value.shape) !== value.data.length) {
      throw new TypeError(
        `${caller}: an NdArray of shape [${value.shape}] needs ${sizeOf(value.shape)} values, it holds ${value.data.length}`,
      );
    }
    return { shape: value.shape, data: value.data, dtype: 'float64' };
  }
  if (Array.isArray(value)) return fromNested(caller, value);
  throw new TypeError(
    `${caller}: cannot read values from ${describe(value)}; give a tensor, an NdArray, a (nested) array of numbers, a typed array or a number`,
  );
}

function fromNested(caller: string, nested: readonly unknown[]): Values {
  const shape: number[] = [];
  for (let level: unknown = nested; Array.isArray(level); level = level[0]) shape.push(level.length);
  const data: number[] = [];
  const visit = (node: unknown, depth: number): void => {
    if (depth === shape.length) {
      if (typeof node !== 'number' && typeof node !== 'boolean') {
        throw new TypeError(`${caller}: expected a number in the nested array, got ${describe(node)}`);
      }
      data.push(Number(node));
      return;
    }
    if (!Array.isArray(node) || node.length !== shape[depth]) {
      const found = Array.isArray(node) ? `a list of ${node.length}` : describe(node);
      throw new TypeError(
        `${caller}: the nested array is ragged; axis ${depth} has extent ${shape[depth]}, but one entry is ${found}`,
      );
    }
    for (const child of node) visit(child, depth + 1);
  };
  visit(nested, 0);
  return { shape, data: Float64Array.from(data), dtype: 'number' };
}

function describe(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (value instanceof Promise) return 'a promise (is an await missing?)';
  return typeof value === 'object'
    ? `an object of ${value.constructor?.name ?? 'no'} class`
    : `a ${typeof value}`;
}
