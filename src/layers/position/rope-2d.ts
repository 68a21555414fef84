/**
 * Axial RoPE for images: a token at (row, column) has the first half of its features rotated by its row and the second
 * half by its column, each as `rope` does with D/2 features, so that scores depend on both offsets and nothing else.
 */
import type { NdArray } from '../../compute/ndarray.js';
import { ndarray } from '../../compute/ndarray.js';
import { requireFloat32, shown } from '../../compute/shapes.js';
import { tf } from '../../compute/tf.js';
import { type RopeOptions, rope, ropeGradientOracle, ropeOracle } from './rope.js';
import type { Positions } from './rope-table.js';

/**
 * @param x [B,H,T,D] or any [...,T,D], float32, D a multiple of 4
 * @param rows [T] @param columns [T], any real numbers
 * @returns the shape of x, differentiable in x
 * @throws RangeError when D is no multiple of 4; otherwise as `rope`.
 */
export function rope2d(
  x: tf.Tensor,
  rows: Positions,
  columns: Positions,
  options: RopeOptions = {},
): tf.Tensor {
  requireFloat32('rope2d', { x });
  const half = halfOf(x.shape);
  return tf.tidy(() => {
    const [byRow, byColumn] = tf.split(x, [half, half], x.rank - 1) as [tf.Tensor, tf.Tensor];
    return tf.concat([rope(byRow, rows, options), rope(byColumn, columns, options)], x.rank - 1);
  });
}

function halfOf(x: readonly number[]): number {
  const D = x[x.length - 1] ?? 0;
  if (x.length < 2 || D % 4 !== 0) {
    throw new RangeError(
      `rope2d: x must be [...,T,D] with D a multiple of 4 (pairs for rows and for columns), got ${shown(x)}`,
    );
  }
  return D / 2;
}

type OracleOptions = Omit<RopeOptions, 'path'>;

/** rope2d in float64 with plain loops; x [...,T,D]. */
export function rope2dOracle(
  x: NdArray,
  rows: Positions,
  columns: Positions,
  options: OracleOptions = {},
): NdArray {
  return onHalves(x, (part, axis) => ropeOracle(part, axis === 0 ? rows : columns, options));
}

/** Gradient of sum(dy * rope2d(x)) with respect to x. */
export function rope2dGradientOracle(
  dy: NdArray,
  rows: Positions,
  columns: Positions,
  options: OracleOptions = {},
): NdArray {
  return onHalves(dy, (part, axis) => ropeGradientOracle(part, axis === 0 ? rows : columns, options));
}

/** Applies `rotate` to the first and the second half of the features. */
export function onHalves(x: NdArray, rotate: (part: NdArray, axis: 0 | 1) => NdArray): NdArray {
  const half = halfOf(x.shape);
  const y = ndarray(x.shape);
  const place = (n: number, axis: 0 | 1) => Math.floor(n / half) * 2 * half + axis * half + (n % half);
  for (const axis of [0, 1] as const) {
    const part = ndarray([...x.shape.slice(0, -1), half]);
    for (let n = 0; n < part.data.length; n++) part.data[n] = x.data[place(n, axis)]!;
    rotate(part, axis).data.forEach((value, n) => {
      y.data[place(n, axis)] = value;
    });
  }
  return y;
}
