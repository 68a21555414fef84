/**
 * Error bounds of cross-entropy and its gradient, valid for one pass over the logits (online log-sum-exp) as well as
 * for two. loss = ln(sum of e^(s_j - m)) - (s_t - m): an exponential carries the rounding of its argument and 3 + 2|x|
 * ULP, the sum gamma(V), the logarithm 3 ULP or, near 1, 2^-21 absolute, which the WGSL specification allows. Forms
 * that add m back before they subtract s_t round numbers of the size of m; they are charged too. Label smoothing adds a sum of
 * V differences, z-loss a square. Logits that carry an error themselves move every logarithm by at most the largest of it.
 */
import { type NdArray, ndarray } from '../../../compute/ndarray.js';
import type { TargetShareNumbers } from '../../../training/loss/cross-entropy-oracle.js';
import { gamma, unitRoundoff as u } from '../../verify/bounds.js';
import { type Bounded, exact, exponential, multiply, reshape, scaleBy, sumLast } from '../running-error.js';

export interface TokenLossErrors {
  /** Losses of the positions, [N]; 0 where ignored. */
  losses: Bounded;
  /** The gradient of each position's loss by its logits, the shape of the logits. */
  slopes: Bounded;
}

export interface CrossEntropyErrors extends TokenLossErrors {
  loss: Bounded;
  /** Present when a cotangent of the mean was given. */
  logits?: Bounded;
}

/** WGSL: log(x) is within 2^-21 for x in [0.5, 2], else 3 ULP. */
const nearOne = 2 ** -21;

export function crossEntropyErrors(
  logits: NdArray,
  targets: NdArray,
  dloss: number | undefined,
  ignoreIndex: number,
  shares: TargetShareNumbers = {},
): CrossEntropyErrors {
  const count = targets.data.filter((target) => target !== ignoreIndex).length;
  const { losses, slopes } = tokenLossErrors(exact(logits), targets, ignoreIndex, shares);
  return {
    loss: reshape(scaleBy(sumLast(losses), 1 / count), []),
    losses,
    slopes,
    ...(dloss === undefined
      ? {}
      : { logits: multiply(scaleBy(exact(ndarray([1], [dloss])), 1 / count), slopes) }),
  };
}

/** Of every position by itself. @param logits [...,V] @param targets [...] */
export function tokenLossErrors(
  logits: Bounded,
  targets: NdArray,
  ignoreIndex: number,
  { labelSmoothing = 0, zLoss = 0 }: TargetShareNumbers = {},
): TokenLossErrors {
  const V = logits.value.shape.at(-1)!;
  const losses = exact(ndarray([targets.data.length]));
  const slopes = exact(ndarray(logits.value.shape));
  targets.data.forEach((target, n) => {
    if (target !== ignoreIndex) row(n, target);
  });
  return { losses, slopes };

  function row(n: number, target: number): void {
    const at = (v: number) => logits.value.data[n * V + v]!;
    let [largest, given] = [Number.NEGATIVE_INFINITY, 0];
    for (let v = 0; v < V; v++) {
      largest = Math.max(largest, at(v));
      given = Math.max(given, logits.error.data[n * V + v]!);
    }
    let [total, totalError, below] = [0, 0, 0];
    for (let v = 0; v < V; v++) {
      const range = largest - at(v);
      const value = Math.exp(-range);
      total += value;
      totalError += value === 0 ? 0 : value * u * (10 * range + 8);
      below += range / V;
    }
    const relative = totalError / total + gamma(V) + u * 4 * Math.ceil(Math.log2(V + 1));
    const log = Math.log(total);
    const logError = relative + Math.max(nearOne, 6 * u * log);
    const range = largest - at(target);
    const adding = 2 * u * (Math.abs(largest) + log + Math.abs(at(target)));
    // Without smoothing nothing of it may enter: 0 times an infinite logit is NaN.
    const [rest, restError] =
      labelSmoothing > 0
        ? [labelSmoothing * below, labelSmoothing * (gamma(V + 4) * below + adding)]
        : [0, 0];
    const hot = 1 - labelSmoothing;
    const logSumExp = largest + log;
    const sumError = logError + adding + given + u * Math.abs(logSumExp);
    const square = zLoss * logSumExp ** 2;
    const squareError = zLoss * (2 * Math.abs(logSumExp) + sumError) * sumError + 5 * u * square;
    losses.value.data[n] = log + hot * range + rest + square;
    losses.error.data[n] =
      logError +
      adding +
      2 * given +
      u * (2 * range + log) +
      restError +
      squareError +
      (labelSmoothing > 0 || zLoss > 0 ? 4 * u * (log + hot * range + rest + square) : 0);
    const factor = 1 + 2 * zLoss * logSumExp;
    const factorError = zLoss > 0 ? 2 * zLoss * sumError + 4 * u * (1 + Math.abs(factor - 1)) : 0;
    for (let v = 0; v < V; v++) {
      const under = largest - at(v);
      const p = Math.exp(-under - log);
      const own =
        p === 0
          ? 0
          : p * (Math.expm1(logError + adding + 2 * given) + u * (12 * (under + log) + 10)) + 2 ** -126;
      const wanted = (v === target ? hot : 0) + labelSmoothing / V;
      const slope = p * factor - wanted;
      slopes.value.data[n * V + v] = slope;
      slopes.error.data[n * V + v] =
        own * (Math.abs(factor) + factorError) +
        p * factorError +
        u * Math.abs(slope) +
        (labelSmoothing > 0 || zLoss > 0 ? 4 * u * (p * Math.abs(factor) + wanted) : 0);
    }
  }
}

/** exp of the loss. */
export function perplexityErrors(logits: NdArray, targets: NdArray, ignoreIndex: number): Bounded {
  const { loss } = crossEntropyErrors(logits, targets, undefined, ignoreIndex);
  return exponential(loss);
}
