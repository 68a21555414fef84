/** An update rule applied to the variables of a model: keeps their slots and counts the steps. */

import { toHalf } from '../../compute/half/convert.js';
import { gradientTensor } from '../../compute/half/half-gradient.js';
import { type HalfTensor, type HalfVariable, isHalf } from '../../compute/half/half-tensor.js';
import { tf } from '../../compute/tf.js';
import { updateHalf } from './half-update.js';
import { checkUpdate, type UpdateRule } from './rules.js';

/** What is trained: float32 or half precision. */
export type Trainable = tf.Variable | HalfVariable;

export interface OptimizerOptions<Variable extends Trainable = tf.Variable> {
  /** Which variables weight decay applies to; default all. Gains and biases are left out by custom. */
  decay?: (variable: Variable) => boolean;
  /** Whether every half variable has a float32 copy, to which the steps are added. Default true. */
  masterWeights?: boolean;
  /**
   * A power of two that `minimize` multiplies the loss by and `step` divides the gradients by, in float32: it lifts half
   * gradients over 2^-24, below which they vanish (Micikevicius et al. 2018, arXiv:1710.03740, section 3.2). Default 1.
   */
  lossScale?: number;
}

export class Optimizer<Variable extends Trainable = tf.Variable> {
  /** Of the next step; a schedule assigns it. */
  learningRate: number;
  private taken = 0;
  private slots: tf.Tensor[][] = [];
  private readonly lossScale: number;

  /** @throws RangeError when the loss scale is no positive number. */
  constructor(
    readonly variables: readonly Variable[],
    private readonly rule: UpdateRule,
    private readonly options: OptimizerOptions<Variable> = {},
  ) {
    this.learningRate = rule.learningRate;
    this.lossScale = options.lossScale ?? 1;
    if (!(this.lossScale > 0 && Number.isFinite(this.lossScale))) {
      throw new RangeError(`Optimizer: lossScale must be a positive number, got ${this.lossScale}`);
    }
  }

  /** Steps taken so far. */
  get steps(): number {
    return this.taken;
  }

  /**
   * Changes every variable by its gradient, in the order of `variables`; the gradients stay the caller's.
   * @param gradients half tensors for half variables
   * @throws RangeError when there is not one gradient per variable, or one has another shape; TypeError when one is of another
   *   kind; nothing is changed then.
   */
  step(gradients: readonly (tf.Tensor | HalfTensor)[]): void {
    const { variables, rule } = this;
    if (gradients.length !== variables.length) {
      throw new RangeError(
        `Optimizer.step: needs one gradient per variable, got ${gradients.length} for ${variables.length}`,
      );
    }
    variables.forEach((variable, n) => {
      checkUpdate(rule.name, variable, gradients[n]!, undefined);
    });
    // One variable after the other, so that never more than one of them exists twice.
    variables.forEach((variable, n) => {
      const [updated, ...slots] = tf.tidy(() => {
        const made = this.updated(variable, gradients[n]!, this.slots[n]);
        return [made.parameter, ...made.slots];
      });
      (isHalf(variable) ? variable.packed : (variable as tf.Variable)).assign(updated!);
      updated!.dispose();
      tf.dispose(this.slots[n] ?? []);
      this.slots[n] = slots.map((slot) => tf.keep(slot));
    });
    this.taken++;
  }

  /** The parameter after one step, packed where it is a half tensor. */
  private updated(
    variable: Variable,
    gradient: tf.Tensor | HalfTensor,
    slots: readonly tf.Tensor[] | undefined,
  ): { parameter: tf.Tensor; slots: tf.Tensor[] } {
    const { rule, options, learningRate, lossScale } = this;
    const decay = options.decay?.(variable) ?? true;
    const step = this.taken + 1;
    if (isHalf(gradient)) {
      const kept = { master: options.masterWeights ?? true, unscale: 1 / lossScale };
      const made = updateHalf(
        rule,
        variable as HalfVariable,
        gradient,
        slots,
        step,
        kept,
        learningRate,
        decay,
      );
      return { parameter: made.parameter.packed, slots: made.slots };
    }
    const slope = lossScale === 1 ? gradient : tf.mul(gradient, 1 / lossScale);
    return rule.update(variable as tf.Variable, slope, slots, step, learningRate, decay);
  }

  /**
   * One step down the gradient of `loss`.
   * @param loss a scalar made of the variables; a variable that it does not use has gradient 0
   * @returns the value of the loss before the step, a scalar tensor
   */
  minimize(loss: () => tf.Tensor): tf.Tensor {
    const { lossScale } = this;
    const scaled = lossScale === 1 ? loss : () => tf.mul(loss(), lossScale);
    const tensors = this.variables.map((variable) =>
      isHalf(variable) ? variable.packed : (variable as tf.Variable),
    );
    const { value, grads } = tf.variableGrads(scaled as () => tf.Scalar, tensors);
    const gradients = tf.tidy(() =>
      this.variables.map((variable, n) => {
        const gradient = grads[tensors[n]!.name];
        if (!isHalf(variable)) return gradient ?? tf.zeros(variable.shape);
        return gradient ? gradientTensor(variable.shape, gradient) : toHalf(tf.zeros(variable.shape));
      }),
    );
    this.step(gradients);
    tf.dispose([gradients, Object.values(grads)]);
    if (lossScale === 1) return value;
    const unscaled = tf.div(value, lossScale);
    value.dispose();
    return unscaled;
  }

  /** Frees what is kept between steps; the variables stay. */
  dispose(): void {
    tf.dispose(this.slots);
    this.slots = [];
  }
}
