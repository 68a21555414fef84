/** Cross-entropy in float64 with plain loops over one position at a time, forward and gradient. */
import { type NdArray, ndarray } from '../../compute/ndarray.js';

/** The mean of -log softmax(logits)[target] over the targets that are not ignoreIndex; logits [...,V], targets [...]. */
export function crossEntropyOracle(logits: NdArray, targets: NdArray, ignoreIndex = -100): NdArray {
  const losses = tokenLossesOracle(logits, targets, ignoreIndex);
  return ndarray([], [losses.data.reduce((sum, loss) => sum + loss, 0) / countOf(targets, ignoreIndex)]);
}

/** The loss of every position, 0 where ignored; the shape of targets. */
export function tokenLossesOracle(logits: NdArray, targets: NdArray, ignoreIndex = -100): NdArray {
  const V = logits.shape[logits.shape.length - 1]!;
  const losses = ndarray(targets.shape);
  targets.data.forEach((target, n) => {
    if (target === ignoreIndex) return;
    losses.data[n] = logSumExp(logits.data, n * V, V) - logits.data[n * V + target]!;
  });
  return losses;
}

/** Gradient of the mean: (softmax - onehot) / count, and 0 where ignored, times `dy`. */
export function crossEntropyGradientOracle(
  logits: NdArray,
  targets: NdArray,
  dy = 1,
  ignoreIndex = -100,
): NdArray {
  const V = logits.shape[logits.shape.length - 1]!;
  const gradient = ndarray(logits.shape);
  const share = dy / countOf(targets, ignoreIndex);
  targets.data.forEach((target, n) => {
    if (target === ignoreIndex) return;
    const total = logSumExp(logits.data, n * V, V);
    for (let v = 0; v < V; v++) {
      const p = Math.exp(logits.data[n * V + v]! - total);
      gradient.data[n * V + v] = share * (p - (v === target ? 1 : 0));
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
