/**
 * The plain float64 array the oracles are written on: a shape and row-major data, nothing else.
 * Oracles use loops only, so that they share no code with what they check.
 */
export interface NdArray {
  readonly shape: readonly number[];
  readonly data: Float64Array;
}

/** Number of elements of a shape. */
export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, extent) => product * extent, 1);
}

/** @throws RangeError when the number of values does not fit the shape. */
export function ndarray(shape: readonly number[], values?: ArrayLike<number>): NdArray {
  const size = sizeOf(shape);
  if (values && values.length !== size) {
    throw new RangeError(`ndarray: shape [${shape}] holds ${size} values, got ${values.length}`);
  }
  return { shape: [...shape], data: values ? Float64Array.from(values) : new Float64Array(size) };
}
