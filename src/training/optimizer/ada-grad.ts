/**
 * AdaGrad (Duchi et al. 2011, Adaptive Subgradient Methods, JMLR 12): the gradient over the root of the sum of all its squares, so
 * that every coordinate has its own falling rate. PyTorch's semantics.
 */
import { tf } from '../../compute/tf.js';
import { checkUpdate, penalised, requireInRange, type UpdateRule } from './rules.js';

export interface AdaGradOptions {
  /** Default 0.01. */
  learningRate?: number;
  /** The rate of step t is learningRate / (1 + (t - 1) learningRateDecay). Default 0. */
  learningRateDecay?: number;
  /** What the sum of squares begins with. Default 0. */
  initialAccumulator?: number;
  /** Default 1e-10. */
  eps?: number;
  /** Coupled. Default 0. */
  weightDecay?: number;
}

/** Slot: the sum of squares. @throws RangeError when an option is out of range. */
export function adaGrad(options: AdaGradOptions = {}): UpdateRule {
  const { learningRate = 0.01, learningRateDecay = 0, initialAccumulator = 0 } = options;
  const { eps = 1e-10, weightDecay = 0 } = options;
  requireInRange('adaGrad', { learningRate, learningRateDecay, initialAccumulator, eps, weightDecay });
  return {
    name: 'adaGrad',
    learningRate,
    update(parameter, gradient, slots, step, rate = learningRate, decay = true) {
      checkUpdate('adaGrad', parameter, gradient, slots);
      const slope = decay ? penalised(gradient, parameter, weightDecay) : gradient;
      const sum = tf.add(slots?.[0] ?? tf.scalar(initialAccumulator), tf.square(slope));
      const size = tf.add(tf.sqrt(sum), eps);
      const move = tf.mul(tf.div(slope, size), rate / (1 + (step - 1) * learningRateDecay));
      return { parameter: tf.sub(parameter, move), slots: [sum] };
    },
  };
}
