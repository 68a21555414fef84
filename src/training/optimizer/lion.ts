/**
 * Lion (Chen et al. 2023, Symbolic Discovery of Optimization Algorithms, arXiv:2302.06675): every coordinate moves by the learning
 * rate, in the direction of the sign of a mix of momentum and gradient. One slot, and steps that do not depend on the gradient's size.
 */
import { tf } from '../../compute/tf.js';
import { checkUpdate, mix, requireBelowOne, requireInRange, type UpdateRule } from './rules.js';

export interface LionOptions {
  /** A third to a tenth of AdamW's. Default 1e-4. */
  learningRate?: number;
  /** Share of the momentum in what gives the sign. Default 0.9. */
  beta1?: number;
  /** Share of the old momentum in the new. Default 0.99. */
  beta2?: number;
  /** Decoupled. Default 0. */
  weightDecay?: number;
}

/** Slot: the momentum. @throws RangeError when an option is out of range. */
export function lion(options: LionOptions = {}): UpdateRule {
  const { learningRate = 1e-4, beta1 = 0.9, beta2 = 0.99, weightDecay = 0 } = options;
  requireInRange('lion', { learningRate, weightDecay });
  requireBelowOne('lion', { beta1, beta2 });
  return {
    name: 'lion',
    learningRate,
    update(parameter, gradient, slots, _step, rate = learningRate, decay = true) {
      checkUpdate('lion', parameter, gradient, slots);
      const start = decay && weightDecay > 0 ? tf.mul(parameter, 1 - rate * weightDecay) : parameter;
      const mixed = mix(slots?.[0], gradient, beta1);
      // tfjs has 0 for the sign of NaN, which would hide it for a step.
      const direction = tf.where(tf.isNaN(mixed), mixed, tf.sign(mixed));
      return {
        parameter: tf.sub(start, tf.mul(direction, rate)),
        slots: [mix(slots?.[0], gradient, beta2)],
      };
    },
  };
}
