/**
 * Absolute position embeddings, added to the token embeddings: the fixed sinusoidal table (Vaswani et al. 2017,
 * arXiv:1706.03762, section 3.5) and rows of a learned table.
 */
import { type NdArray, ndarray } from '../../compute/ndarray.js';
import { requireFloat32, shown } from '../../compute/shapes.js';
import { tf } from '../../compute/tf.js';
import { type Positions, positionValues } from './rope-table.js';

/**
 * The sinusoidal table in float64: entry (t, 2i) is sin(p_t / base^(2i/C)), entry (t, 2i+1) the cosine of the same.
 * @param positions their number T, for 0..T-1, or the real positions themselves
 * @returns [T,C]; for odd C the last frequency has its sine only
 * @throws RangeError when T or C is not a whole number, or base is not positive.
 */
export function sinusoidalTable(positions: number | ArrayLike<number>, C: number, base = 10000): NdArray {
  const places =
    typeof positions === 'number' ? countingPositions('sinusoidalPositions', positions) : positions;
  if (!Number.isInteger(C) || C < 1) {
    throw new RangeError(`sinusoidalPositions: C must be a positive integer, got ${C}`);
  }
  if (!(base > 0 && Number.isFinite(base))) {
    throw new RangeError(`sinusoidalPositions: base must be a positive number, got ${base}`);
  }
  const table = ndarray([places.length, C]);
  for (let n = 0; n < table.data.length; n++) {
    const c = n % C;
    const angle = places[Math.floor(n / C)]! / base ** ((c - (c % 2)) / C);
    table.data[n] = c % 2 === 0 ? Math.sin(angle) : Math.cos(angle);
  }
  return table;
}

/** `sinusoidalTable` as a float32 tensor [T,C]; computed on the CPU, rounded once. Throws as it does. */
export function sinusoidalPositions(
  positions: number | ArrayLike<number>,
  C: number,
  base = 10000,
): tf.Tensor {
  const { shape, data } = sinusoidalTable(positions, C, base);
  return tf.tensor(Float32Array.from(data), [...shape], 'float32');
}

/**
 * Rows of a learned table, one per position; a row that occurs several times gets the sum of its gradients.
 * @param table [P,C], float32: P positions can be told apart, and no more
 * @param positions their number T, for 0..T-1, or whole numbers in [0, P)
 * @returns [T,C], differentiable in the table
 * @throws RangeError when a position is not in the table.
 */
export function learnedPositions(table: tf.Tensor, positions: number | Positions): tf.Tensor {
  requireFloat32('learnedPositions', { table });
  if (table.rank !== 2) {
    throw new RangeError(`learnedPositions: table must be [P,C], got ${shown(table.shape)}`);
  }
  const places =
    typeof positions === 'number'
      ? countingPositions('learnedPositions', positions)
      : Array.from(positionValues(positions));
  const P = table.shape[0]!;
  const outside = places.find((place) => !(Number.isInteger(place) && place >= 0 && place < P));
  if (outside !== undefined) {
    throw new RangeError(
      `learnedPositions: position ${outside} is not in the table ${shown(table.shape)}, which holds 0..${P - 1}`,
    );
  }
  return tf.tidy(() => tf.gather(table, tf.tensor1d(places, 'int32')));
}

function countingPositions(caller: string, T: number): number[] {
  if (!Number.isInteger(T) || T < 0) {
    throw new RangeError(`${caller}: the number of positions must be a whole number >= 0, got ${T}`);
  }
  return Array.from({ length: T }, (_, t) => t);
}
