/**
 * Error bounds derived from the number format and the operation, for comparing a float32 result with a float64 oracle.
 * Notation: u = 2^-24, the unit roundoff of float32, and gamma_n = n u / (1 - n u), the factor that bounds n roundings
 * in any order (N. Higham, Accuracy and Stability of Numerical Algorithms, 2nd ed., SIAM 2002, lemma 3.1).
 * Built-in functions are charged what the WGSL specification allows: division 2.5 ULP, inverseSqrt 2 ULP, exp(y)
 * 3 + 2|y| ULP, where one ULP is at most 2u relative. Inputs are taken as exact (oracle and kernel read the same ones).
 */
import { formatNumber } from '../../display/format.js';

/** Allowed error of each element: `absolute + relative * |expected|`, and the formula it came from. */
export interface Bound {
  readonly absolute: number;
  readonly relative: number;
  readonly formula: string;
}

/** Unit roundoff of float32: half the distance from 1 to the next number. */
export const unitRoundoff = 2 ** -24;

const divisionUlp = 2.5;
const inverseSqrtUlp = 2;
const relativePerUlp = 2;

/**
 * gamma_n: bounds the relative error of a chain of n float32 roundings.
 * @throws RangeError when n is negative or so large (n u >= 1) that no bound exists.
 */
export function gamma(n: number): number {
  if (!(n >= 0) || n * unitRoundoff >= 1) {
    throw new RangeError(
      `gamma: n must lie in [0, 2^24), got ${n}; split the reduction or use a float64 oracle`,
    );
  }
  return (n * unitRoundoff) / (1 - n * unitRoundoff);
}

/** Sum of n terms, each at most `magnitude` in absolute value, in any order of summation. */
export function sumBound(n: number, magnitude: number): Bound {
  return bound(
    'sumBound',
    { n, magnitude },
    gamma(Math.max(0, n - 1)) * n * magnitude,
    0,
    'γ(n-1) · n · |x|',
  );
}

/** One element of a matrix product with inner extent k, entries at most `a` and `b` in absolute value. */
export function matmulBound(k: number, a: number, b: number): Bound {
  return bound('matmulBound', { k, a, b }, gamma(k) * k * a * b, 0, 'γ(k) · k · |a| · |b|');
}

/**
 * Softmax over n logits that span at most `range` (max - min), computed as exp(x - max) / sum.
 * Numerator and sum each carry the rounding of x - max (range·u) and of exp ((3 + 2 range) ULP);
 * the sum adds n - 1 roundings, the division 2.5 ULP.
 */
export function softmaxBound(n: number, range: number): Bound {
  return bound(
    'softmaxBound',
    { n, range },
    0,
    softmaxRelative(n, range),
    '2(R + 2(3 + 2R))u + γ(n-1) + 5u, R = range',
  );
}

function softmaxRelative(n: number, range: number): number {
  const exponential = (range + relativePerUlp * (3 + 2 * range)) * unitRoundoff;
  return 2 * exponential + gamma(Math.max(0, n - 1)) + relativePerUlp * divisionUlp * unitRoundoff;
}

/**
 * RMSNorm over C channels: the squares are all positive, so their mean has a relative error, halved by the root;
 * then inverseSqrt and two products.
 */
export function rmsNormBound(C: number): Bound {
  const mean = gamma(C + 1) + (relativePerUlp * divisionUlp + 1) * unitRoundoff;
  const relative = mean / 2 + (relativePerUlp * inverseSqrtUlp + 2) * unitRoundoff;
  return bound('rmsNormBound', { C }, 0, relative, '½(γ(C+1) + 6u) + 6u');
}

export interface LayerNormSizes {
  /** Elements that share a mean and a variance. */
  M: number;
  /** Largest |x|. */
  x: number;
  /** Smallest sqrt(variance + eps) of a group: what the error of the mean is divided by. */
  deviation: number;
  /** Largest |gain| and |bias|; default 1 and 0. */
  gain?: number;
  bias?: number;
}

/**
 * LayerNorm, and any other norm that removes a mean over M elements. Mean and difference are wrong by at most
 * E = γ(M+8)·|x|, which shifts n by d = E / deviation. It shifts the variance by at most E^2, as the deviations from
 * the exact mean sum to zero; its other errors are relative and halved by the root. Then inverseSqrt, two products, a sum.
 */
export function layerNormBound({ M, x, deviation, gain = 1, bias = 0 }: LayerNormSizes): Bound {
  const shift = (gamma(M + 8) * x) / deviation;
  const variance = gamma(M + 4) + (relativePerUlp * divisionUlp + 1) * unitRoundoff + shift ** 2;
  const relative = variance / 2 + (relativePerUlp * inverseSqrtUlp + 3) * unitRoundoff;
  const absolute = gain * shift * (1 + relative) + relative * bias;
  const formula = 'g·d(1 + r) + r(|b| + |y|), d = γ(M+8)·|x|/σ, r = ½(γ(M+4) + 6u + d²) + 7u';
  return bound('layerNormBound', { M, x, deviation, gain, bias }, absolute, relative, formula);
}

/**
 * RoPE: x1 cos - x2 sin with a table rounded once to float32. Three roundings act on |x1 cos| + |x2 sin|, which is at
 * most the length of the pair, at most sqrt(2) times the largest entry `magnitude` of x.
 */
export function ropeBound(magnitude: number): Bound {
  return bound('ropeBound', { magnitude }, gamma(3) * Math.SQRT2 * magnitude, 0, 'γ(3) · √2 · |x|');
}

export interface AttentionSizes {
  /** Head dim: length of the score reduction. */
  D: number;
  /** Keys a query sees: length of the softmax and of the weighted sum. */
  S: number;
  /** Largest |q|, |k| and |v|. */
  q: number;
  k: number;
  v: number;
  /** Default 1/sqrt(D). */
  scale?: number;
}

/**
 * Attention output. A score is wrong by at most delta = (γ(D) + 2u) · scale · D |q||k|, which changes every weight by a
 * factor within exp(±2 delta); the softmax adds its own error, the weighted sum γ(S + 1); weights sum to one, so all of
 * it is relative to |v|. The scores span at most R = 2 scale D |q||k|.
 */
export function attentionBound({ D, S, q, k, v, scale = 1 / Math.sqrt(D) }: AttentionSizes): Bound {
  const score = Math.abs(scale) * D * q * k;
  const delta = (gamma(D) + 2 * unitRoundoff) * score;
  const factor = Math.expm1(2 * delta) + softmaxRelative(S, 2 * score) + gamma(S + 1);
  const formula = '|v| · (e^(2δ) - 1 + softmaxBound(S, 2s) + γ(S+1)), s = scale·D·|q||k|, δ = (γ(D) + 2u)·s';
  return bound('attentionBound', { D, S, q, k, v, scale }, factor * v, 0, formula);
}

function bound(
  name: string,
  parameters: Record<string, number>,
  absolute: number,
  relative: number,
  formula: string,
): Bound {
  for (const [key, value] of Object.entries(parameters)) {
    if (!(value >= 0) && key !== 'scale') {
      throw new RangeError(`${name}: ${key} must be a number >= 0, got ${value}`);
    }
  }
  const list = Object.entries(parameters).map(([key, value]) => `${key} = ${formatNumber(value)}`);
  return { absolute, relative, formula: `${formula}; ${list.join(', ')}, u = 2⁻²⁴` };
}
