/** An update rule applied to the variables of a model: keeps their slots and counts the steps. */
import { tf } from '../compute/tf.js';
import { checkUpdate, type UpdateRule } from './rules.js';

export interface OptimizerOptions {
  /** Which variables weight decay applies to; default all. Gains and biases are left out by custom. */
  decay?: (variable: tf.Variable) => boolean;
}

export class Optimizer {
  /** Of the next step; a schedule assigns it. */
  learningRate: number;
  private taken = 0;
  private slots: tf.Tensor[][] = [];

  constructor(
    readonly variables: readonly tf.Variable[],
    private readonly rule: UpdateRule,
    private readonly options: OptimizerOptions = {},
  ) {
    this.learningRate = rule.learningRate;
  }

  /** Steps taken so far. */
  get steps(): number {
    return this.taken;
  }

  /**
   * Changes every variable by its gradient, in the order of `variables`; the gradients stay the caller's.
   * @throws RangeError when there is not one gradient per variable, or one has another shape; nothing is changed then.
   */
  step(gradients: readonly tf.Tensor[]): void {
    const { variables, rule, options } = this;
    if (gradients.length !== variables.length) {
      throw new RangeError(
        `Optimizer.step: needs one gradient per variable, got ${gradients.length} for ${variables.length}`,
      );
    }
    variables.forEach((variable, n) => {
      checkUpdate(rule.name, variable, gradients[n]!, this.slots[n]);
    });
    // One variable after the other, so that never more than one of them exists twice.
    variables.forEach((variable, n) => {
      const decay = options.decay?.(variable) ?? true;
      const [updated, ...slots] = tf.tidy(() => {
        const step = this.taken + 1;
        const made = rule.update(variable, gradients[n]!, this.slots[n], step, this.learningRate, decay);
        return [made.parameter, ...made.slots];
      });
      variable.assign(updated!);
      updated!.dispose();
      tf.dispose(this.slots[n] ?? []);
      this.slots[n] = slots.map((slot) => tf.keep(slot));
    });
    this.taken++;
  }

  /**
   * One step down the gradient of `loss`.
   * @param loss a scalar made of the variables; a variable that it does not use has gradient 0
   * @returns the value of the loss before the step, a scalar tensor
   */
  minimize(loss: () => tf.Tensor): tf.Tensor {
    const { value, grads } = tf.variableGrads(loss as () => tf.Scalar, [...this.variables]);
    const gradients = this.variables.map((variable) => grads[variable.name] ?? tf.zeros(variable.shape));
    this.step(gradients);
    tf.dispose(gradients);
    return value;
  }

  /** Frees what is kept between steps; the variables stay. */
  dispose(): void {
    tf.dispose(this.slots);
    this.slots = [];
  }
}
