/**
 * The complementary error function in float64, to full accuracy on the whole axis: a series of positive terms near zero, a
 * continued fraction in the tail (Abramowitz & Stegun, Handbook of Mathematical Functions, 7.1.6 and 7.1.14).
 */

/** Where the continued fraction takes over. */
const tail = 2.5;

/** 1 - erf(x), with small relative error for large x too. */
export function erfc(x: number): number {
  if (Number.isNaN(x)) return Number.NaN;
  if (x < 0) return 2 - erfc(-x);
  if (x > 30) return 0;
  return x < tail ? 1 - erfSeries(x) : erfcFraction(x);
}

/** 2/sqrt(pi) exp(-x^2) sum of 2^n x^(2n+1) / (1 3 5 ... (2n+1)). */
function erfSeries(x: number): number {
  let term = x;
  let sum = x;
  for (let n = 1; term > sum * 1e-17; n++) {
    term *= (2 * x * x) / (2 * n + 1);
    sum += term;
  }
  return (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * sum;
}

/** exp(-x^2)/sqrt(pi) / (x + (1/2)/(x + 1/(x + (3/2)/(x + ...)))), from the inside out. */
function erfcFraction(x: number): number {
  let fraction = 0;
  for (let n = 120; n > 0; n--) fraction = n / 2 / (x + fraction);
  return Math.exp(-x * x) / Math.sqrt(Math.PI) / (x + fraction);
}
