/** Cases of kernels that work on rows: the norms, softmax, cross-entropy. */
import { tf } from '../../../src/compute/tf.js';
import { layerNorm, rmsNorm } from '../../../src/layers/norm/index.js';
import { softmax } from '../../../src/layers/softmax/index.js';
import { crossEntropy } from '../../../src/training/loss/index.js';
import { type BenchCase, named, ways, wordBytes } from './case.js';

export interface RowSizes extends Record<string, number> {
  rows: number;
  C: number;
}

/**
 * Forward reads x and writes y: 4 operations per element (square, sum, two products). The gradient reads x and dy and
 * writes dx: 9 per element (gain dy, n, its product and sum, the difference from it, r, dgain's product and sum).
 */
export function rmsNormCase(sizes: RowSizes, gradient: boolean): BenchCase {
  const { rows, C } = sizes;
  const n = rows * C;
  return {
    ...named('rmsNorm', gradient),
    sizes,
    bytes: wordBytes * (gradient ? 5 * n + 3 * C : 2 * n + C),
    flops: gradient ? 13 * n : 4 * n,
    ...ways(
      [tf.randomNormal([rows, C]), tf.randomNormal([C])],
      [rows, C],
      gradient,
      (path) => (x, gain) => rmsNorm(x!, gain!, { path }),
      (x, gain) => tf.mul(tf.mul(x!, tf.rsqrt(tf.add(tf.mean(tf.square(x!), -1, true), 1e-6))), gain!),
    ),
  };
}

/**
 * Forward: 7 operations per element (sum; difference, square, sum; three of the affine map). Gradient: 13 (gain dy and its
 * sum, n, their product and sum, four for dx, dgain's product and sum, dbias's sum).
 */
export function layerNormCase(sizes: RowSizes, gradient: boolean): BenchCase {
  const { rows, C } = sizes;
  const n = rows * C;
  return {
    ...named('layerNorm', gradient),
    sizes,
    bytes: wordBytes * (gradient ? 5 * n + 5 * C : 2 * n + 2 * C),
    flops: gradient ? 20 * n : 7 * n,
    ...ways(
      [tf.randomNormal([rows, C]), tf.randomNormal([C]), tf.randomNormal([C])],
      [rows, C],
      gradient,
      (path) => (x, gain, bias) => layerNorm(x!, { gain: gain!, bias: bias! }, { path }),
      (x, gain, bias) => {
        const centred = tf.sub(x!, tf.mean(x!, -1, true));
        const variance = tf.mean(tf.square(centred), -1, true);
        return tf.add(tf.mul(tf.mul(centred, tf.rsqrt(tf.add(variance, 1e-5))), gain!), bias!);
      },
    ),
  };
}

/** Forward: 5 operations per element (maximum, difference, exp, sum, division); gradient: 4 (y dy, sum, difference, product). */
export function softmaxCase(sizes: RowSizes, gradient: boolean): BenchCase {
  const { rows, C } = sizes;
  const n = rows * C;
  return {
    ...named('softmax', gradient),
    sizes,
    bytes: wordBytes * (gradient ? 5 * n : 2 * n),
    flops: gradient ? 9 * n : 5 * n,
    ...ways(
      [tf.randomNormal([rows, C])],
      [rows, C],
      gradient,
      (path) => (x) => softmax(x!, { path }),
      (x) => tf.softmax(x!),
    ),
  };
}

/**
 * The mean loss. Forward reads logits and targets: 4 operations per logit (maximum, difference, exp, sum). The gradient reads
 * them again and writes its own: 5 (difference, exp, 1/l, target, dy).
 */
export function crossEntropyCase(sizes: { rows: number; V: number }, gradient: boolean): BenchCase {
  const { rows, V } = sizes;
  const n = rows * V;
  const targets = tf.randomUniformInt([rows], 0, V) as tf.Tensor1D;
  return {
    ...named('crossEntropy', gradient),
    sizes: { ...sizes },
    bytes: wordBytes * (gradient ? 3 * n + 2 * rows : n + rows),
    flops: gradient ? 9 * n : 4 * n,
    ...ways(
      [tf.randomNormal([rows, V])],
      [],
      gradient,
      (path) => (logits) => crossEntropy(logits!, targets, { path }),
      (logits) => tf.losses.softmaxCrossEntropy(tf.oneHot(targets, V).toFloat(), logits!),
      [targets],
    ),
  };
}
