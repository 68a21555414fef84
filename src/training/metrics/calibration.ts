/**
 * Calibration: of the predictions made with confidence p, a share p should be right. The expected calibration error is the mean
 * distance of the two over bins of confidence (Guo et al. 2017, On Calibration of Modern Neural Networks, arXiv:1706.04599, section 2).
 */
import { toFloat } from '../../compute/half/convert.js';
import { type HalfTensor, isHalf } from '../../compute/half/half-tensor.js';
import { read } from '../../compute/read.js';
import { tf } from '../../compute/tf.js';
import { softmax } from '../../layers/softmax/softmax.js';
import { checkTargets, ignored, type TargetOptions } from '../loss/targets.js';

export interface CalibrationBin {
  /** Confidences in (from, to]. */
  from: number;
  to: number;
  count: number;
  /** Means over the bin; NaN where it is empty. */
  confidence: number;
  accuracy: number;
}

export interface Calibration {
  bins: CalibrationBin[];
  /** The mean of |accuracy - confidence| over all predictions; NaN without any. */
  expectedError: number;
  /** The largest of a bin. */
  largestError: number;
}

/**
 * @param confidences what each prediction was given, in [0, 1] @param right whether it was right @param bins of equal width
 * @throws RangeError when the lists differ in length, a confidence is no probability, or bins is no whole number from 1.
 */
export function calibrationOf(
  confidences: ArrayLike<number>,
  right: ArrayLike<boolean | number>,
  bins = 10,
): Calibration {
  if (confidences.length !== right.length || !(Number.isInteger(bins) && bins >= 1)) {
    throw new RangeError(
      `calibrationOf: needs one answer per confidence and bins >= 1, got ${confidences.length} confidences, ${right.length} answers, ${bins} bins`,
    );
  }
  const sums = Array.from({ length: bins }, () => ({ count: 0, confidence: 0, right: 0 }));
  for (let n = 0; n < confidences.length; n++) {
    const p = confidences[n]!;
    if (!(p >= 0 && p <= 1)) throw new RangeError(`calibrationOf: a confidence must lie in [0, 1], got ${p}`);
    const bin = sums[Math.max(0, Math.ceil(p * bins) - 1)]!;
    bin.count++;
    bin.confidence += p;
    bin.right += Number(right[n]!);
  }
  let [expectedError, largestError] = [0, 0];
  for (const { count, confidence, right: hits } of sums) {
    expectedError += Math.abs(hits - confidence) / confidences.length;
    if (count > 0) largestError = Math.max(largestError, Math.abs(hits - confidence) / count);
  }
  return {
    bins: sums.map(({ count, confidence, right: hits }, n) => ({
      from: n / bins,
      to: (n + 1) / bins,
      count,
      confidence: count > 0 ? confidence / count : Number.NaN,
      accuracy: count > 0 ? hits / count : Number.NaN,
    })),
    expectedError: confidences.length > 0 ? expectedError : Number.NaN,
    largestError,
  };
}

/**
 * Of next-token predictions: the confidence is the largest probability, right is whether it is the target's.
 * @param logits [...,V] @param targets [...], int32 @throws as `crossEntropy` and `calibrationOf`.
 */
export async function tokenCalibration(
  logits: tf.Tensor | HalfTensor,
  targets: tf.Tensor,
  options: TargetOptions & { bins?: number } = {},
): Promise<Calibration> {
  checkTargets('tokenCalibration', logits, targets);
  const { ignoreIndex = ignored, bins } = options;
  if (targets.size === 0) return calibrationOf([], [], bins);
  const [largest, hits] = tf.tidy(() => {
    const rows = isHalf(logits) ? toFloat(logits) : logits;
    return [tf.minimum(tf.max(softmax(rows), -1), 1), tf.equal(tf.argMax(rows, -1), targets).toInt()];
  }) as [tf.Tensor, tf.Tensor];
  const [confidences, right, wanted] = [await read(largest), await read(hits), await read(targets)];
  tf.dispose([largest, hits]);
  const counted = Array.from(wanted, (_, n) => n).filter((n) => wanted[n] !== ignoreIndex);
  return calibrationOf(
    counted.map((n) => confidences[n]!),
    counted.map((n) => right[n]!),
    bins,
  );
}
