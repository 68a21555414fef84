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

/**
 * The last two axes at the given leading index, as rows: `matrixAt(q, 0, 1)` is head 1 of batch entry 0 of [B,H,T,D].
 * @throws RangeError when the array has not two axes more than there are indices, or an index is outside.
 */
export function matrixAt(array: NdArray, ...leading: readonly number[]): number[][] {
  const { shape, data } = array;
  const inside = leading.every(
    (index, axis) => Number.isInteger(index) && index >= 0 && index < shape[axis]!,
  );
  if (shape.length !== leading.length + 2 || !inside) {
    throw new RangeError(`matrixAt: no matrix at index [${leading}] of an array of shape [${shape}]`);
  }
  const [rows, columns] = shape.slice(-2) as [number, number];
  const start = leading.reduce((offset, index, axis) => offset * shape[axis]! + index, 0) * rows * columns;
  return Array.from({ length: rows }, (_, row) =>
    Array.from(data.slice(start + row * columns, start + (row + 1) * columns)),
  );
}

export function isNdArray(value: unknown): value is NdArray {
  const candidate = value as Partial<NdArray> | null;
  return (
    typeof value === 'object' && Array.isArray(candidate?.shape) && candidate?.data instanceof Float64Array
  );
}
