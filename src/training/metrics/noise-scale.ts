/**
 * The gradient noise scale (McCandlish et al. 2018, An Empirical Model of Large-Batch Training, arXiv:1812.06162, appendix A.1): the
 * batch size up to which more examples per step pay. A gradient of B examples is the true one, G, with noise of variance S / B, so
 * that E|G_B|^2 = |G|^2 + S / B; two batch sizes give both.
 */

export interface GradientSize {
  /** Examples (or tokens) that the gradient is the mean over. */
  batch: number;
  /** |gradient|^2, all parameters together; one number per step. */
  squaredNorms: readonly number[];
}

export interface NoiseScale {
  /** Estimate of |G|^2; noise may make it negative while there are few steps. */
  signal: number;
  /** Estimate of S, the trace of the covariance of one example's gradient. */
  noise: number;
  /** S / |G|^2, in examples; NaN where the estimate of |G|^2 is not positive. */
  scale: number;
}

/**
 * Signal and noise are each averaged over the steps before they are divided: a mean of quotients would be biased.
 * @param small gradients of parts of the batch, such as micro-batches @param large those of whole batches
 * @throws RangeError when the batches are not of two sizes, the first smaller, or there are no steps.
 */
export function gradientNoiseScale(small: GradientSize, large: GradientSize): NoiseScale {
  if (!(small.batch > 0 && large.batch > small.batch)) {
    throw new RangeError(
      `gradientNoiseScale: needs a small and a larger batch, got ${small.batch} and ${large.batch}`,
    );
  }
  const [a, b] = [mean(small.squaredNorms), mean(large.squaredNorms)];
  const signal = (large.batch * b - small.batch * a) / (large.batch - small.batch);
  const noise = (a - b) / (1 / small.batch - 1 / large.batch);
  return { signal, noise, scale: signal > 0 ? noise / signal : Number.NaN };
}

function mean(values: readonly number[]): number {
  if (values.length === 0) throw new RangeError('gradientNoiseScale: needs at least one step of each size');
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
