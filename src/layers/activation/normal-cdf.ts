/**
 * Phi(x), the normal distribution function, from tfjs operations. tfjs's own erf is a five-term approximation whose
 * absolute error of 1.5e-7 swallows the left tail, where Phi itself is small: at x = -5 nothing of it is right. Here
 * Phi(-|x|) = t q(2t - 1) exp(-x^2/2) / 2 with t = k / (k + |x|), which is accurate to a few roundings everywhere.
 */
import { tf } from '../../compute/tf.js';

/** t = k / (k + |x|); at this k the polynomial is shortest for its accuracy. */
export const cdfScale = 2 * Math.SQRT2;

/**
 * q(s) = erfc(z) exp(z^2) / t for z = |x|/sqrt(2), s = 2t - 1 in (-1, 1]: the interpolating polynomial at the zeros of
 * the Chebyshev polynomial T_11, ascending powers. Its relative error is below 4e-8.
 */
export const cdfCoefficients: readonly number[] = [
  0.5107913526210849, 0.34358031254934995, 0.13973594579508047, 0.018221749114636445, -0.010753310874428677,
  -0.0032437330679904778, 0.0015338470252151655, 0.00043104002189538323, -0.0003047190672017631,
  -0.000036764361747094135, 0.00004428840766027261,
];

/** Beyond this the tail is zero in float32; the bound keeps x^2 inside the range. */
const saturated = 20;

/** Phi(x), same shape. */
export function normalCdf(x: tf.Tensor): tf.Tensor {
  const size = tf.minimum(tf.abs(x), saturated);
  const t = tf.div(cdfScale, tf.add(size, cdfScale));
  const s = tf.sub(tf.mul(t, 2), 1);
  const [last, ...rest] = [...cdfCoefficients].reverse() as [number, ...number[]];
  let q: tf.Tensor = tf.fill(x.shape, last);
  for (const coefficient of rest) q = tf.add(tf.mul(q, s), coefficient);
  const tail = tf.mul(tf.mul(tf.mul(t, 0.5), q), tf.exp(tf.mul(tf.square(size), -0.5)));
  return tf.where(tf.less(x, 0), tail, tf.sub(1, tail));
}

/** phi(x) = exp(-x^2/2) / sqrt(2 pi), same shape. */
export function normalDensity(x: tf.Tensor): tf.Tensor {
  const size = tf.minimum(tf.abs(x), saturated);
  return tf.mul(tf.exp(tf.mul(tf.square(size), -0.5)), 1 / Math.sqrt(2 * Math.PI));
}
