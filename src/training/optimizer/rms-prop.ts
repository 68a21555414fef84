/**
 * RMSProp (Tieleman & Hinton 2012, Lecture 6.5 of Neural Networks for Machine Learning): the gradient over the root of a
 * running mean of its square, with PyTorch's semantics: eps outside the root, momentum of the quotients.
 */
import { tf } from '../../compute/tf.js';
import { checkUpdate, mix, penalised, requireBelowOne, requireInRange, type UpdateRule } from './rules.js';

export interface RmsPropOptions {
  /** Default 0.01. */
  learningRate?: number;
  /** Share of the old mean square. Default 0.99. */
  alpha?: number;
  /** Default 1e-8. */
  eps?: number;
  /** Default 0. */
  momentum?: number;
  /** Divides by the standard deviation: the square of the running mean is taken away (Graves 2013, arXiv:1308.0850). Default false. */
  centered?: boolean;
  /** Coupled. Default 0. */
  weightDecay?: number;
}

/** Slots: the mean square, the mean if centered, the velocity if there is momentum. @throws RangeError when an option is out of range. */
export function rmsProp(options: RmsPropOptions = {}): UpdateRule {
  const { learningRate = 0.01, alpha = 0.99, eps = 1e-8, momentum = 0 } = options;
  const { centered = false, weightDecay = 0 } = options;
  requireInRange('rmsProp', { learningRate, eps, weightDecay });
  requireBelowOne('rmsProp', { alpha, momentum });
  return {
    name: 'rmsProp',
    learningRate,
    update(parameter, gradient, slots, _step, rate = learningRate, decay = true) {
      checkUpdate('rmsProp', parameter, gradient, slots);
      const slope = decay ? penalised(gradient, parameter, weightDecay) : gradient;
      const kept = [mix(slots?.[0], tf.square(slope), alpha)];
      let variance = kept[0]!;
      if (centered) {
        kept.push(mix(slots?.[1], slope, alpha));
        // Rounding may take the difference below zero, where there is no root.
        variance = tf.relu(tf.sub(variance, tf.square(kept[1]!)));
      }
      let move = tf.div(slope, tf.add(tf.sqrt(variance), eps));
      if (momentum > 0) {
        const velocity = slots?.at(-1);
        if (velocity) move = tf.add(tf.mul(velocity, momentum), move);
        kept.push(move);
      }
      return { parameter: tf.sub(parameter, tf.mul(move, rate)), slots: kept };
    },
  };
}
