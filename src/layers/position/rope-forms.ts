/**
 * RoPE written in four ways that compute the same numbers (Su et al. 2021, arXiv:2104.09864, sections 3.2 and 3.4),
 * in float64 for one vector x of D features at one real position: multiplication by a complex number, a dense
 * block-diagonal matrix of 2x2 rotations, the elementwise form of the paper, and the rotate-half form of the libraries.
 */
import { ropeFrequencies } from './rope-table.js';

/** Pairs (2i, 2i+1) read as complex numbers x + iy and multiplied by e^(i m theta). */
export function ropeByComplexProduct(x: ArrayLike<number>, position: number, base = 10000): number[] {
  return Array.from(ropeFrequencies(x.length, base)).flatMap((theta, i) => {
    const [re, im] = [x[2 * i]!, x[2 * i + 1]!];
    const [c, s] = [Math.cos(position * theta), Math.sin(position * theta)];
    return [re * c - im * s, re * s + im * c];
  });
}

/** The matrix R_m itself, D rows of D, with one 2x2 rotation per pair (2i, 2i+1) on its diagonal. */
export function ropeMatrix(D: number, position: number, base = 10000): number[][] {
  const matrix = Array.from({ length: D }, () => new Array<number>(D).fill(0));
  ropeFrequencies(D, base).forEach((theta, i) => {
    const [c, s] = [Math.cos(position * theta), Math.sin(position * theta)];
    matrix[2 * i]![2 * i] = c;
    matrix[2 * i]![2 * i + 1] = -s;
    matrix[2 * i + 1]![2 * i] = s;
    matrix[2 * i + 1]![2 * i + 1] = c;
  });
  return matrix;
}

/** R_m x: D^2 products where the other forms need 2D. */
export function ropeByMatrix(x: ArrayLike<number>, position: number, base = 10000): number[] {
  return ropeMatrix(x.length, position, base).map((row) =>
    row.reduce((sum, entry, column) => sum + entry * x[column]!, 0),
  );
}

/** x * cos + (-x1, x0, -x3, x2, ...) * sin, with every angle repeated for both members of its pair. */
export function ropeElementwise(x: ArrayLike<number>, position: number, base = 10000): number[] {
  const theta = ropeFrequencies(x.length, base);
  return Array.from(x, (value, d) => {
    const angle = position * theta[Math.floor(d / 2)]!;
    const partner = d % 2 === 0 ? -x[d + 1]! : x[d - 1]!;
    return value * Math.cos(angle) + partner * Math.sin(angle);
  });
}

/** x * cos + rotateHalf(x) * sin for pairs (i, i + D/2): the layout of GPT-NeoX and Hugging Face. */
export function ropeByRotateHalf(x: ArrayLike<number>, position: number, base = 10000): number[] {
  const theta = ropeFrequencies(x.length, base);
  const rotated = rotateHalf(x);
  return Array.from(x, (value, d) => {
    const angle = position * theta[d % theta.length]!;
    return value * Math.cos(angle) + rotated[d]! * Math.sin(angle);
  });
}

/** (first, second) -> (-second, first). */
export function rotateHalf(x: ArrayLike<number>): number[] {
  const half = x.length / 2;
  return Array.from(x, (_, d) => (d < half ? -x[d + half]! : x[d - half]!));
}

/**
 * Moves features from interleaved order (x0, y0, x1, y1, ...) to half order (x0, x1, ..., y0, y1, ...). Applied to the
 * rows of each head of W_q and W_k it converts a checkpoint: half-layout RoPE on permuted features gives the scores of
 * interleaved RoPE on the original ones.
 * @throws RangeError when the number of features is odd
 */
export function permuteInterleavedToHalf<Feature>(features: ArrayLike<Feature>): Feature[] {
  const half = features.length / 2;
  if (!Number.isInteger(half)) {
    throw new RangeError(
      `permuteInterleavedToHalf: needs an even number of features, got ${features.length}`,
    );
  }
  return Array.from({ length: features.length }, (_, d) => features[d < half ? 2 * d : 2 * (d - half) + 1]!);
}
