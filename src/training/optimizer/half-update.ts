/**
 * A step of any rule on a half parameter: by the rule's own kernel, else in float32 with the result rounded. With a float32
 * copy of the parameter ("master weights", Micikevicius et al. 2018, Mixed Precision Training, arXiv:1710.03740, section
 * 3.1) steps smaller than the distance of half-precision numbers add up; without it they are lost.
 */

import { toFloat, toHalf } from '../../compute/half/convert.js';
import type { HalfTensor } from '../../compute/half/half-tensor.js';
import { tf } from '../../compute/tf.js';
import type { HalfRule, UpdatedHalf, UpdateRule } from './rules.js';

/** As `UpdateRule.update`; call it inside tf.tidy. The copy is the last of the slots. */
export function updateHalf(
  rule: UpdateRule,
  parameter: HalfTensor,
  gradient: HalfTensor,
  slots: readonly tf.Tensor[] | undefined,
  step: number,
  kept: HalfRule,
  learningRate: number,
  decay: boolean,
): UpdatedHalf {
  const made = rule.updateHalf?.(parameter, gradient, slots, step, kept, learningRate, decay);
  if (made) return made;
  const { master, unscale } = kept;
  const [own, copy] = master && slots ? [slots.slice(0, -1), slots.at(-1)!] : [slots, toFloat(parameter)];
  const slope = tf.mul(toFloat(gradient), unscale);
  const updated = rule.update(copy, slope, own, step, learningRate, decay);
  return {
    parameter: toHalf(updated.parameter),
    slots: master ? [...updated.slots, updated.parameter] : updated.slots,
  };
}
