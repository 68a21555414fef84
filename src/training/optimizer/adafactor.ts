/**
 * Adafactor (Shazeer & Stern 2018, arXiv:1804.04235): of a matrix only the row and column means of the second moment are kept, R + C
 * numbers instead of R C, whose outer product over the mean stands for it; of a vector the whole. The step is relative to the
 * parameter's size, and clipped where its root mean square exceeds d. PyTorch's semantics, with decoupled weight decay.
 */
import { tf } from '../../compute/tf.js';
import { checkUpdate, mix, requireInRange, type UpdateRule } from './rules.js';

export interface AdafactorOptions {
  /** The largest rate; that of step t is at most 1 / sqrt(t). Default 0.01. */
  learningRate?: number;
  /** The share of new squares in step t is t^beta2Decay. Default -0.8. */
  beta2Decay?: number;
  /** Its square is the least second moment. Default 2^-23. */
  eps1?: number;
  /** The least size of a parameter, to which steps are relative. Default 1e-3. */
  eps2?: number;
  /** The largest root mean square of an update, before the rate. Default 1. */
  d?: number;
  /** Decoupled. Default 0. */
  weightDecay?: number;
}

/** What is below may be flushed to zero. */
const smallestNormal = 2 ** -126;

/**
 * Slots: row and column means [...,R,1] and [...,1,C] of a parameter with two axes or more, else the second moment.
 * @throws RangeError when an option is out of range.
 */
export function adafactor(options: AdafactorOptions = {}): UpdateRule {
  const { learningRate = 0.01, beta2Decay = -0.8, eps1 = 2 ** -23, eps2 = 1e-3 } = options;
  const { d = 1, weightDecay = 0 } = options;
  requireInRange('adafactor', { learningRate, eps1, eps2, weightDecay });
  if (!(beta2Decay <= 0 && Number.isFinite(beta2Decay))) {
    throw new RangeError(`adafactor: beta2Decay must be a finite number <= 0, got ${beta2Decay}`);
  }
  if (!(d >= 1 && Number.isFinite(d))) throw new RangeError(`adafactor: d must be a number >= 1, got ${d}`);
  return {
    name: 'adafactor',
    learningRate,
    whole: true,
    update(parameter, gradient, slots, step, rate = learningRate, decay = true) {
      checkUpdate('adafactor', parameter, gradient, undefined);
      if (parameter.size === 0) return { parameter: tf.clone(parameter), slots: [] };
      const old = 1 - step ** beta2Decay;
      const square = tf.square(gradient);
      const kept =
        parameter.rank > 1
          ? [mix(slots?.[0], tf.mean(square, -1, true), old), mix(slots?.[1], tf.mean(square, -2, true), old)]
          : [mix(slots?.[0], square, old)];
      const [rows, columns] = kept as [tf.Tensor, tf.Tensor?];
      // Divided before it is multiplied: the product of two squares may vanish where their quotient does not.
      const moment = columns
        ? tf.mul(tf.div(rows, tf.maximum(tf.mean(rows, -2, true), Math.max(eps1, smallestNormal))), columns)
        : rows;
      const update = tf.mul(gradient, tf.rsqrt(tf.maximum(moment, Math.max(eps1 ** 2, smallestNormal))));
      const excess = tf.maximum(tf.div(rootMeanSquare(update), d), 1);
      const size = tf.mul(tf.maximum(rootMeanSquare(parameter), eps2), Math.min(rate, step ** -0.5));
      const start = decay && weightDecay > 0 ? tf.mul(parameter, 1 - rate * weightDecay) : parameter;
      return { parameter: tf.sub(start, tf.mul(update, tf.div(size, excess))), slots: kept };
    },
  };
}

function rootMeanSquare(x: tf.Tensor): tf.Tensor {
  return tf.sqrt(tf.mean(tf.square(x)));
}
