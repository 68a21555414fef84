/**
 * Slopes of ALiBi, attention with linear biases (Press et al. 2021, arXiv:2108.12409): head h of H subtracts
 * slope_h * distance from its logits, slope_h = 2^(-8h/H), h = 1..H. Where H is no power of two, the slopes of the next
 * lower power come first, then every second slope of the next higher one.
 */

/**
 * @returns H slopes in float64, all in (0, 1)
 * @throws RangeError when H is not a positive integer.
 */
export function alibiSlopes(H: number): number[] {
  if (!Number.isInteger(H) || H < 1) {
    throw new RangeError(`alibiSlopes: the number of heads must be a positive integer, got ${H}`);
  }
  const lower = 2 ** Math.floor(Math.log2(H));
  const slopes = geometric(lower);
  const finer = geometric(2 * lower).filter((_, index) => index % 2 === 0);
  return [...slopes, ...finer].slice(0, H);
}

function geometric(n: number): number[] {
  return Array.from({ length: n }, (_, index) => 2 ** ((-8 * (index + 1)) / n));
}
