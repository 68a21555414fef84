/**
 * Cross-entropy of next-token prediction: -log softmax(logits)[target], by log-sum-exp with the largest logit taken out
 * first, so that logits of any size neither overflow nor lose the loss. dL/dlogits = softmax(logits) - onehot(target).
 */

import { withGradient } from '../../compute/gradient.js';
import { toFloat } from '../../compute/half/convert.js';
import { type HalfTensor, isHalf } from '../../compute/half/half-tensor.js';
import { sizeOf } from '../../compute/ndarray.js';
import { choosePath, type KernelPath } from '../../compute/path.js';
import { requireFloat32, sameShape, shown } from '../../compute/shapes.js';
import { lacksHalf } from '../../compute/storage.js';
import { tf } from '../../compute/tf.js';
import { crossEntropyKernel, runCrossEntropy } from './cross-entropy.wgsl.js';

export interface TargetOptions {
  /** Positions with this target count for nothing. Default -100, as in PyTorch. */
  ignoreIndex?: number;
}

export interface CrossEntropyOptions extends TargetOptions {
  /** 'mean' over the positions that count (default), their 'sum', or 'none': the loss of every position. */
  reduction?: 'mean' | 'sum' | 'none';
  path?: KernelPath;
}

/**
 * The mean negative log-likelihood of the targets, in nats per position that counts. Where no position counts the mean
 * is NaN, as in PyTorch, with zero gradients. A target outside 0..V-1 (and not ignoreIndex) gives NaN: targets on a
 * GPU cannot be looked at before the call.
 * @param logits [...,V], float32 or a half tensor @param targets [...], int32
 * @returns a scalar, or [...] with reduction 'none' (0 where ignored), float32 for half logits too; differentiable in the
 *   logits. Half gradients below 2^-25 vanish, as those of a mean over many positions may: `Optimizer` scales the loss.
 * @throws TypeError for other dtypes; RangeError when the shapes do not fit or there is no vocabulary; Error when path
 *   'fused' is asked for on a backend without the kernel.
 */
export function crossEntropy(
  logits: tf.Tensor | HalfTensor,
  targets: tf.Tensor,
  options: CrossEntropyOptions = {},
): tf.Tensor {
  const { ignoreIndex = -100, reduction = 'mean', path } = options;
  checkTargets('crossEntropy', logits, targets);
  if (!['mean', 'sum', 'none'].includes(reduction)) {
    throw new RangeError(
      `crossEntropy: reduction must be 'mean', 'sum' or 'none', got ${JSON.stringify(reduction)}`,
    );
  }
  const unsupported = isHalf(logits) ? lacksHalf() : undefined;
  const fused = choosePath('crossEntropy', crossEntropyKernel, path, unsupported) === 'fused';
  return tf.tidy(() => {
    const losses = tokenLosses(logits, targets, ignoreIndex, fused);
    if (reduction === 'none') return losses;
    const total = tf.sum(losses);
    return reduction === 'sum' ? total : meanOver(total, counted(targets, ignoreIndex));
  });
}

/**
 * exp of the mean cross-entropy: the number of equally likely tokens that would be as hard to predict. Average the loss
 * over tokens first, as here; perplexities must not be averaged.
 * @returns a scalar; NaN where no position counts
 * @throws as `crossEntropy`
 */
export function perplexity(
  logits: tf.Tensor | HalfTensor,
  targets: tf.Tensor,
  options: TargetOptions = {},
): tf.Tensor {
  checkTargets('perplexity', logits, targets);
  return tf.tidy(() => tf.exp(crossEntropy(logits, targets, { ignoreIndex: options.ignoreIndex })));
}

/**
 * The share of counted positions whose largest logit is the target's. Not differentiable.
 * @returns a scalar in [0, 1]; NaN where no position counts
 * @throws as `crossEntropy`
 */
export function tokenAccuracy(
  logits: tf.Tensor | HalfTensor,
  targets: tf.Tensor,
  options: TargetOptions = {},
): tf.Tensor {
  checkTargets('tokenAccuracy', logits, targets);
  const { ignoreIndex = -100 } = options;
  return tf.tidy(() => {
    const counts = counted(targets, ignoreIndex);
    if (targets.size === 0) return tf.scalar(Number.NaN);
    const right = tf.equal(tf.argMax(isHalf(logits) ? toFloat(logits) : logits, -1), targets).toFloat();
    return meanOver(tf.sum(tf.mul(right, counts)), counts);
  });
}

/**
 * Bits per byte of text: total loss in nats / (ln 2 * bytes). Unlike perplexity it does not depend on the tokenizer,
 * so it compares models that cut the text differently.
 * @param nats the summed (not averaged) negative log-likelihood of the text
 * @param text the text itself, or its length in UTF-8 bytes
 * @throws RangeError when there are no bytes or nats is negative.
 */
export function bitsPerByte(nats: number, text: string | number): number {
  const bytes = typeof text === 'string' ? new TextEncoder().encode(text).length : text;
  if (!(bytes > 0 && Number.isFinite(bytes))) {
    throw new RangeError(`bitsPerByte: needs a text of at least one byte, got ${bytes} bytes`);
  }
  if (!(nats >= 0)) throw new RangeError(`bitsPerByte: nats must be a total loss >= 0, got ${nats}`);
  return nats / (Math.LN2 * bytes);
}

function checkTargets(caller: string, logits: tf.Tensor | HalfTensor, targets: tf.Tensor): void {
  if (!isHalf(logits)) requireFloat32(caller, { logits });
  if (targets?.dtype !== 'int32') {
    throw new TypeError(
      `${caller}: targets must be an int32 tensor of token ids, got ${targets?.dtype ?? typeof targets}; convert it with targets.toInt()`,
    );
  }
  if (logits.shape.length < 1 || !sameShape(logits.shape.slice(0, -1), targets.shape)) {
    throw new RangeError(
      `${caller}: logits [...,V] need one target per position, got logits ${shown(logits.shape)} and targets ${shown(targets.shape)}`,
    );
  }
  if (logits.shape.at(-1) === 0) {
    throw new RangeError(`${caller}: there is no vocabulary: V = 0 in logits ${shown(logits.shape)}`);
  }
}

/** 1 where a position counts, 0 where it is ignored; the shape of targets, float32. */
function counted(targets: tf.Tensor, ignoreIndex: number): tf.Tensor {
  return tf.notEqual(targets, tf.scalar(ignoreIndex, 'int32')).toFloat();
}

function meanOver(total: tf.Tensor, counts: tf.Tensor): tf.Tensor {
  const count = tf.sum(counts);
  // 0/0 is spelled out: a GPU may give anything for it.
  const mean = tf.div(total, tf.maximum(count, 1));
  return tf.where(tf.greater(count, 0), mean, tf.scalar(Number.NaN));
}

/** The loss of every position, 0 where ignored. */
function tokenLosses(
  logits: tf.Tensor | HalfTensor,
  targets: tf.Tensor,
  ignoreIndex: number,
  fused: boolean,
): tf.Tensor {
  const { shape } = targets;
  if (isHalf(logits) && !(fused && targets.size !== 0)) {
    return tokenLosses(toFloat(logits), targets, ignoreIndex, fused);
  }
  const [N, V] = [targets.size, logits.shape.at(-1)!];
  const ids = tf.reshape(targets, [N]);
  if (isHalf(logits)) return tf.reshape(runCrossEntropy(logits.packed, ids, ignoreIndex, [N, V]), shape);
  if (N === 0) {
    const whole = logits.shape;
    return withGradient([logits], () => ({ value: tf.zeros(shape), gradient: () => [tf.zeros(whole)] }));
  }
  const rows = tf.reshape(logits, [N, V]);
  const losses = fused
    ? runCrossEntropy(rows, ids, ignoreIndex, [N, V])
    : composedLosses(rows, ids, ignoreIndex);
  return tf.reshape(losses, shape);
}

/** [N,V] and [N] -> [N]. Saves the logits and two numbers per position, not the softmax. */
function composedLosses(rows: tf.Tensor, ids: tf.Tensor, ignoreIndex: number): tf.Tensor {
  return withGradient([rows], (save) => {
    const largest = tf.max(rows, -1, true);
    const shifted = tf.sub(rows, largest);
    const logTotal = tf.log(tf.sum(tf.exp(shifted), -1, true));
    const loss = tf.sub(tf.reshape(logTotal, [ids.size]), pick(shifted, ids));
    save([rows, ids, largest, logTotal]);
    return {
      value: tf.where(tf.equal(ids, tf.scalar(ignoreIndex, 'int32')), tf.zerosLike(loss), loss),
      gradient: (dy, saved) => [lossGradient(dy, saved, ignoreIndex)],
    };
  });
}

function lossGradient(dy: tf.Tensor, saved: tf.Tensor[], ignoreIndex: number): tf.Tensor {
  const [rows, ids, largest, logTotal] = saved as [tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor];
  const [N, V] = rows.shape as [number, number];
  const softmax = tf.exp(tf.sub(tf.sub(rows, largest), logTotal));
  // tfjs's oneHot refuses a vocabulary of one, and gives integer bits for float32 on wasm.
  const hot = tf.equal(tf.reshape(ids, [N, 1]), tf.range(0, V, 1, 'int32')).toFloat();
  const gradient = tf.mul(tf.sub(softmax, hot), tf.reshape(dy, [N, 1]));
  const ignored = tf.reshape(tf.equal(ids, tf.scalar(ignoreIndex, 'int32')), [N, 1]);
  return tf.where(tf.broadcastTo(ignored, [N, V]), tf.zerosLike(gradient), gradient);
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
