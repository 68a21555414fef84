/**
 * One entry of the grid: an operation on small tensors and what plain loops in float64 say of it. References here use no
 * tensor library; inputs are rounded to float32 first, so that only the operation itself can differ.
 */
import { tf } from '../../../src/compute/tf.js';

export type Dtype = 'float32' | 'int32' | 'bool';

/** A tensor in plain numbers, row-major. */
export interface Values {
  readonly shape: number[];
  readonly data: number[];
  readonly dtype: Dtype;
}

export interface GridCase {
  /** The kernel of tfjs that it is about, as its registry names it. */
  readonly kernel: string;
  readonly name: string;
  readonly run: () => tf.Tensor | tf.Tensor[];
  readonly expected: () => Values | Values[];
  /** Largest error of an element, relative to the larger of 1 and its magnitude. Default 2e-6. */
  readonly tolerance?: number;
}

export const sizeOf = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1);

export function values(shape: number[], data: number[], dtype: Dtype = 'float32'): Values {
  return { shape, data: dtype === 'float32' ? data.map(Math.fround) : data, dtype };
}

export const tensor = ({ shape, data, dtype }: Values) => tf.tensor(data, shape, dtype);

/** Flat index to position. */
export function positionOf(flat: number, shape: readonly number[]): number[] {
  const position = Array<number>(shape.length);
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    position[axis] = flat % shape[axis]!;
    flat = Math.floor(flat / shape[axis]!);
  }
  return position;
}

/** Element at a position; axes of extent 1 are broadcast and leading axes that are missing ignored. */
export function at({ shape, data }: Values, position: readonly number[]): number {
  const own = position.slice(position.length - shape.length);
  return data[own.reduce((flat, index, axis) => flat * shape[axis]! + (shape[axis] === 1 ? 0 : index), 0)]!;
}

/** A tensor whose elements are computed from their positions. */
export function build(
  shape: number[],
  element: (position: number[]) => number,
  dtype: Dtype = 'float32',
): Values {
  const data = Array.from({ length: sizeOf(shape) }, (_, flat) => element(positionOf(flat, shape)));
  return { shape, data, dtype };
}

/** Numbers that differ, of both signs, in no order; multiples of 1/4 for floats, so that sums of them are exact. */
export function sample(shape: number[], dtype: Dtype = 'float32', seed = 0): Values {
  const of: Record<Dtype, (n: number) => number> = {
    float32: (n) => (((n * 37 + seed * 11 + 5) % 41) - 20) / 4,
    int32: (n) => ((n * 37 + seed * 11 + 5) % 41) - 20,
    bool: (n) => ((n * 37 + seed * 11 + 5) % 41) % 2,
  };
  return values(
    shape,
    Array.from({ length: sizeOf(shape) }, (_, n) => of[dtype](n)),
    dtype,
  );
}

/** The same tensor with some elements replaced. */
export function withElements(x: Values, replaced: Record<number, number>): Values {
  return { ...x, data: x.data.map((value, n) => replaced[n] ?? value) };
}
