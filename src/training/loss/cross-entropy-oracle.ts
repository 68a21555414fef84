/** Cross-entropy in float64 with plain loops over one position at a time, forward and gradient. */
import { type NdArray, ndarray } from '../../compute/ndarray.js';

export interface TargetShareNumbers {
  labelSmoothing?: number;
  zLoss?: number;
}

/**
 * The mean over the targets that are not ignoreIndex of -sum(q log softmax(logits)) + z logsumexp(logits)^2, where q is
 * (1 - e) onehot + e / V; logits [...,V], targets [...].
 */
export function crossEntropyOracle(
  logits: NdArray,
  targets: NdArray,
  ignoreIndex = -100,
  shares: TargetShareNumbers = {},
): NdArray {
  const losses = tokenLossesOracle(logits, targets, ignoreIndex, shares);
  return ndarray([], [losses.data.reduce((sum, loss) => sum + loss, 0) / countOf(targets, ignoreIndex)]);
}

/** The loss of every position, 0 where ignored; the shape of targets. */
export function tokenLossesOracle(
  logits: NdArray,
  targets: NdArray,
  ignoreIndex = -100,
  { labelSmoothing = 0, zLoss = 0 }: TargetShareNumbers = {},
): NdArray {
  const V = logits.shape[logits.shape.length - 1]!;
  const losses = ndarray(targets.shape);
  targets.data.forEach((target, n) => {
    if (target === ignoreIndex) return;
    const total = logSumExp(logits.data, n * V, V);
    let loss = (1 - labelSmoothing) * (total - logits.data[n * V + target]!);
    for (let v = 0; labelSmoothing > 0 && v < V; v++) {
      loss += (labelSmoothing / V) * (total - logits.data[n * V + v]!);
    }
    losses.data[n] = zLoss > 0 ? loss + zLoss * total ** 2 : loss;
  });
  return losses;
}

/** Gradient of the mean: (softmax (1 + 2 z logsumexp) - q) / count, and 0 where ignored, times `dy`. */
export function crossEntropyGradientOracle(
  logits: NdArray,
  targets: NdArray,
  dy = 1,
  ignoreIndex = -100,
  { labelSmoothing = 0, zLoss = 0 }: TargetShareNumbers = {},
): NdArray {
  const V = logits.shape[logits.shape.length - 1]!;
  const gradient = ndarray(logits.shape);
  const share = dy / countOf(targets, ignoreIndex);
  targets.data.forEach((target, n) => {
    if (target === ignoreIndex) return;
    const total = logSumExp(logits.data, n * V, V);
    for (let v = 0; v < V; v++) {
      const p = Math.exp(logits.data[n * V + v]! - total);
      const wanted = labelSmoothing / V + (v === target ? 1 - labelSmoothing : 0);
      gradient.data[n * V + v] = share * (p * (1 + 2 * zLoss * total) - wanted);
    }
  });
  return gradient;
}

function countOf(targets: NdArray, ignoreIndex: number): number {
  return targets.data.reduce((count, target) => count + (target === ignoreIndex ? 0 : 1), 0);
}

function logSumExp(values: Float64Array, start: number, n: number): number {
  let largest = Number.NEGATIVE_INFINITY;
  for (let i = start; i < start + n; i++) largest = Math.max(largest, values[i]!);
  let total = 0;
  for (let i = start; i < start + n; i++) total += Math.exp(values[i]! - largest);
  return largest + Math.log(total);
}
