/**
 * Error bounds of RoPE: a table rounded once to float32, two products and a sum. Both sides form the angle in float64;
 * a few roundings of 2^-53 on an angle of m radians move the point by that much, which matters for large positions.
 */
import { type NdArray, ndarray } from '../../../compute/ndarray.js';
import type { RopeLayout } from '../../../layers/position/rope.js';
import { anglesOf, type Rotation, ropeFrequencies } from '../../../layers/position/rope-table.js';
import { add, type Bounded, exact, multiply, reshape, rounded, subtract } from '../running-error.js';

/** Product, power and division in float64, on either side. */
const angleRoundings = 8 * 2 ** -53;

/** @param direction -1 for the gradient, which rotates back */
export function ropeErrors(
  x: Bounded,
  positions: ArrayLike<number>,
  layout: RopeLayout,
  base: number,
  direction: 1 | -1,
): Bounded {
  const D = x.value.shape[x.value.shape.length - 1]!;
  return rotationErrors(
    x,
    positions,
    layout,
    { frequencies: ropeFrequencies(D, base), factor: 1 },
    direction,
  );
}

/** The same for any frequencies, with a factor on cosine and sine. */
export function rotationErrors(
  x: Bounded,
  positions: ArrayLike<number>,
  layout: RopeLayout,
  { frequencies, factor }: Rotation,
  direction: 1 | -1,
): Bounded {
  const D = 2 * frequencies.length;
  const angles = anglesOf(Float64Array.from(positions), frequencies);
  const table = (f: (angle: number) => number) => {
    const values = rounded(
      ndarray(
        [positions.length, D / 2],
        angles.map((angle) => factor * f(angle)),
      ),
    );
    angles.forEach((angle, n) => {
      values.error.data[n]! += angleRoundings * Math.abs(factor * angle);
    });
    return values;
  };
  const cos = table(Math.cos);
  const sin = table((angle) => direction * Math.sin(angle));
  const pick = (part: 0 | 1) => {
    const shape = [x.value.data.length / (positions.length * D), positions.length, D / 2];
    const from = (array: NdArray) =>
      ndarray(
        shape,
        Float64Array.from(
          { length: x.value.data.length / 2 },
          (_, n) => array.data[place(n, part, D, layout)]!,
        ),
      );
    return { value: from(x.value), error: from(x.error) };
  };
  const [a, b] = [pick(0), pick(1)];
  const first = subtract(multiply(a, cos), multiply(b, sin));
  const second = add(multiply(a, sin), multiply(b, cos));
  const result = exact(ndarray(x.value.shape));
  for (let n = 0; n < first.value.data.length; n++) {
    for (const [part, from] of [
      [0, first],
      [1, second],
    ] as const) {
      const at = place(n, part, D, layout);
      result.value.data[at] = from.value.data[n]!;
      result.error.data[at] = from.error.data[n]!;
    }
  }
  return reshape(result, x.value.shape);
}

/** Where member `part` of pair `n` lies. */
function place(n: number, part: 0 | 1, D: number, layout: RopeLayout): number {
  const row = Math.floor(n / (D / 2)) * D;
  const pair = n % (D / 2);
  return row + (layout === 'interleaved' ? 2 * pair + part : pair + (part * D) / 2);
}
