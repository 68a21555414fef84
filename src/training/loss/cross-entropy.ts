/**
 * Cross-entropy of next-token prediction: -log softmax(logits)[target], by log-sum-exp with the largest logit taken out
 * first, so that logits of any size neither overflow nor lose the loss. dL/dlogits = softmax(logits) - onehot(target).
 * Label smoothing takes a share from the target for all tokens alike; z-loss adds the square of the log-sum-exp.
 */

import { withGradient } from '../../compute/gradient.js';
import { toFloat } from '../../compute/half/convert.js';
import { type HalfTensor, isHalf } from '../../compute/half/half-tensor.js';
import { sizeOf } from '../../compute/ndarray.js';
import { choosePath, type KernelPath } from '../../compute/path.js';
import { lacksHalf } from '../../compute/storage.js';
import { tf } from '../../compute/tf.js';
import { crossEntropyKernel, runCrossEntropy, type TargetShares } from './cross-entropy.wgsl.js';
import { checkTargets, counted, ignored, shareOf, type TargetOptions } from './targets.js';

export interface CrossEntropyOptions extends TargetOptions {
  /** 'mean' over the positions that count (default), their 'sum', or 'none': the loss of every position. */
  reduction?: 'mean' | 'sum' | 'none';
  /**
   * e in [0, 1]: the target is (1 - e) onehot + e / V instead of one token (Szegedy et al. 2016, arXiv:1512.00567, section 7).
   * Default 0.
   */
  labelSmoothing?: number;
  /**
   * z >= 0: adds z log(Z)^2 to every loss, Z = sum(e^logit), which holds the logits where softmax does not (Chowdhery et al.
   * 2022, PaLM, arXiv:2204.02311, section 5, with 1e-4). Default 0.
   */
  zLoss?: number;
  path?: KernelPath;
}

/**
 * The mean negative log-likelihood of the targets, in nats per position that counts. Where no position counts the mean
 * is NaN, as in PyTorch, with zero gradients. A target outside 0..V-1 (and not ignoreIndex) gives NaN: targets on a
 * GPU cannot be looked at before the call.
 * @param logits [...,V], float32 or a half tensor @param targets [...], int32
 * @returns a scalar, or [...] with reduction 'none' (0 where ignored), float32 for half logits too; differentiable in the
 *   logits. Half gradients below 2^-25 vanish, as those of a mean over many positions may: `Optimizer` scales the loss.
 * @throws TypeError for other dtypes; RangeError when the shapes do not fit, there is no vocabulary or a share is out of range;
 *   Error when path 'fused' is asked for on a backend without the kernel.
 */
export function crossEntropy(
  logits: tf.Tensor | HalfTensor,
  targets: tf.Tensor,
  options: CrossEntropyOptions = {},
): tf.Tensor {
  const { ignoreIndex = ignored, reduction = 'mean', labelSmoothing = 0, zLoss = 0, path } = options;
  checkTargets('crossEntropy', logits, targets);
  if (!(labelSmoothing >= 0 && labelSmoothing <= 1)) {
    throw new RangeError(`crossEntropy: labelSmoothing must lie in [0, 1], got ${labelSmoothing}`);
  }
  if (!(zLoss >= 0 && Number.isFinite(zLoss))) {
    throw new RangeError(`crossEntropy: zLoss must be a finite number >= 0, got ${zLoss}`);
  }
  if (!['mean', 'sum', 'none'].includes(reduction)) {
    throw new RangeError(
      `crossEntropy: reduction must be 'mean', 'sum' or 'none', got ${JSON.stringify(reduction)}`,
    );
  }
  const unsupported = isHalf(logits) ? lacksHalf() : undefined;
  const fused = choosePath('crossEntropy', crossEntropyKernel, path, unsupported) === 'fused';
  return tf.tidy(() => {
    const shares = { hot: 1 - labelSmoothing, each: labelSmoothing / logits.shape.at(-1)!, zLoss };
    const losses = tokenLosses(logits, targets, { ignoreIndex, ...shares }, fused);
    if (reduction === 'none') return losses;
    const total = tf.sum(losses);
    return reduction === 'sum' ? total : shareOf(total, tf.sum(counted(targets, ignoreIndex)));
  });
}

/** What the loss of a position is made of. */
interface TargetRule extends TargetShares {
  ignoreIndex: number;
}

/** The loss of every position, 0 where ignored. */
function tokenLosses(
  logits: tf.Tensor | HalfTensor,
  targets: tf.Tensor,
  rule: TargetRule,
  fused: boolean,
): tf.Tensor {
  const { shape } = targets;
  if (isHalf(logits) && !(fused && targets.size !== 0)) {
    return tokenLosses(toFloat(logits), targets, rule, fused);
  }
  const [N, V] = [targets.size, logits.shape.at(-1)!];
  const ids = tf.reshape(targets, [N]);
  if (isHalf(logits)) return tf.reshape(runCrossEntropy(logits.packed, ids, rule, [N, V]), shape);
  if (N === 0) {
    const whole = logits.shape;
    return withGradient([logits], () => ({ value: tf.zeros(shape), gradient: () => [tf.zeros(whole)] }));
  }
  const rows = tf.reshape(logits, [N, V]);
  const losses = fused ? runCrossEntropy(rows, ids, rule, [N, V]) : composedLosses(rows, ids, rule);
  return tf.reshape(losses, shape);
}

/** [N,V] and [N] -> [N]. Saves the logits and two numbers per position, not the softmax. */
function composedLosses(rows: tf.Tensor, ids: tf.Tensor, rule: TargetRule): tf.Tensor {
  const { ignoreIndex, hot, each, zLoss } = rule;
  return withGradient([rows], (save) => {
    const largest = tf.max(rows, -1, true);
    const shifted = tf.sub(rows, largest);
    const logTotal = tf.log(tf.sum(tf.exp(shifted), -1, true));
    const likely = pick(shifted, ids);
    let loss = tf.sub(tf.reshape(logTotal, [ids.size]), hot === 1 ? likely : tf.mul(likely, hot));
    // Without smoothing a logit of -Infinity must not meet a factor of 0.
    if (each > 0) loss = tf.sub(loss, tf.sum(tf.mul(shifted, each), -1));
    if (zLoss > 0) {
      const logSumExp = tf.reshape(tf.add(largest, logTotal), [ids.size]);
      loss = tf.add(loss, tf.mul(tf.square(logSumExp), zLoss));
    }
    save([rows, ids, largest, logTotal]);
    return {
      value: tf.where(tf.equal(ids, tf.scalar(ignoreIndex, 'int32')), tf.zerosLike(loss), loss),
      gradient: (dy, saved) => [lossGradient(dy, saved, rule)],
    };
  });
}

/** softmax (1 + 2 z log-sum-exp) - (1 - e) onehot - e / V. */
function lossGradient(dy: tf.Tensor, saved: tf.Tensor[], rule: TargetRule): tf.Tensor {
  const { ignoreIndex, hot, each, zLoss } = rule;
  const [rows, ids, largest, logTotal] = saved as [tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor];
  const [N, V] = rows.shape as [number, number];
  let softmax = tf.exp(tf.sub(tf.sub(rows, largest), logTotal));
  if (zLoss > 0) softmax = tf.mul(softmax, tf.add(tf.mul(tf.add(largest, logTotal), 2 * zLoss), 1));
  // tfjs's oneHot refuses a vocabulary of one, and gives integer bits for float32 on wasm.
  const isTarget = tf.equal(tf.reshape(ids, [N, 1]), tf.range(0, V, 1, 'int32')).toFloat();
  const wanted = each > 0 ? tf.add(tf.mul(isTarget, hot), each) : isTarget;
  const gradient = tf.mul(tf.sub(softmax, wanted), tf.reshape(dy, [N, 1]));
  const ignoredRow = tf.reshape(tf.equal(ids, tf.scalar(ignoreIndex, 'int32')), [N, 1]);
  return tf.where(tf.broadcastTo(ignoredRow, [N, V]), tf.zerosLike(gradient), gradient);
}

/** values[n, ids[n]]; NaN where the id is outside. */
function pick(values: tf.Tensor, ids: tf.Tensor): tf.Tensor {
  const [N, V] = values.shape as [number, number];
  const zero = tf.scalar(0, 'int32');
  const inside = tf.logicalAnd(tf.greaterEqual(ids, zero), tf.less(ids, tf.scalar(V, 'int32')));
  const places = tf.add(
    tf.where(inside, ids, tf.zerosLike(ids)),
    tf.mul(tf.range(0, N, 1, 'int32'), tf.scalar(V, 'int32')),
  );
  const picked = tf.gather(tf.reshape(values, [sizeOf([N, V])]), places as tf.Tensor1D);
  return tf.where(inside, picked, tf.fill([N], Number.NaN));
}
