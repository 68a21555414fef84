/**
 * Groups of variables, each with its own update rule, trained by one backward pass: AdamW with decay for matrices and without for
 * gains and biases, or Muon for the matrices of hidden layers and AdamW for the rest.
 */
import { tf } from '../../compute/tf.js';
import { clipGradNorm } from './clip.js';
import { Optimizer } from './optimizer.js';
import type { UpdateRule } from './rules.js';

export interface ParameterGroup {
  variables: readonly tf.Variable[];
  /** With the group's own learning rate and weight decay. */
  rule: UpdateRule;
}

export interface MinimizeOptions {
  /** All gradients of all groups together are clipped to this norm. Default: they are not. */
  maxNorm?: number;
}

export interface Minimized {
  /** Before the step, a scalar. */
  loss: tf.Tensor;
  /** Of all gradients together, before clipping, a scalar; only with `maxNorm`. */
  gradientNorm?: tf.Tensor;
}

/** What weight decay is for, matrices and more axes, and what it is not for: gains, biases, single numbers. */
export function splitByDecay(variables: readonly tf.Variable[]): {
  decayed: tf.Variable[];
  undecayed: tf.Variable[];
} {
  return {
    decayed: variables.filter(({ rank }) => rank >= 2),
    undecayed: variables.filter(({ rank }) => rank < 2),
  };
}

export class GroupedOptimizer {
  /** What every group's learning rate is multiplied by in the next step; a schedule assigns it. */
  factor = 1;
  private readonly optimizers: { own: Optimizer; learningRate: number }[];

  /** @throws RangeError when a variable is in two groups: it would be trained twice. */
  constructor(groups: readonly ParameterGroup[]) {
    const seen = new Set<tf.Variable>();
    for (const variable of groups.flatMap(({ variables }) => variables)) {
      if (seen.has(variable)) {
        throw new RangeError(`GroupedOptimizer: the variable '${variable.name}' is in two groups`);
      }
      seen.add(variable);
    }
    this.optimizers = groups.map(({ variables, rule }) => ({
      own: new Optimizer(variables, rule),
      learningRate: rule.learningRate,
    }));
  }

  /** All variables, group after group. */
  get variables(): tf.Variable[] {
    return this.optimizers.flatMap(({ own }) => own.variables);
  }

  /** Steps taken so far. */
  get steps(): number {
    return this.optimizers[0]?.own.steps ?? 0;
  }

  /**
   * Changes every variable by its gradient; the gradients stay the caller's.
   * @param gradients in the order of `variables` @throws as `Optimizer.step`; a group before the one that is wrong has changed then.
   */
  step(gradients: readonly tf.Tensor[]): void {
    const count = this.variables.length;
    if (gradients.length !== count) {
      throw new RangeError(
        `GroupedOptimizer.step: needs one gradient per variable, got ${gradients.length} for ${count}`,
      );
    }
    let from = 0;
    for (const { own, learningRate } of this.optimizers) {
      own.learningRate = learningRate * this.factor;
      own.step(gradients.slice(from, from + own.variables.length));
      from += own.variables.length;
    }
  }

  /** One step down the gradient of `loss`, a scalar made of the variables. A variable that it does not use has gradient 0. */
  minimize(loss: () => tf.Tensor, { maxNorm }: MinimizeOptions = {}): Minimized {
    const { variables } = this;
    const { value, grads } = tf.variableGrads(loss as () => tf.Scalar, variables);
    const gradients = tf.tidy(() =>
      variables.map((variable) => grads[variable.name] ?? tf.zeros(variable.shape)),
    );
    const clipped = maxNorm === undefined ? undefined : clipGradNorm(gradients, maxNorm);
    this.step(clipped?.gradients ?? gradients);
    tf.dispose([gradients, Object.values(grads), clipped?.gradients ?? []]);
    return { loss: value, ...(clipped && { gradientNorm: clipped.norm }) };
  }

  /** Frees what is kept between steps; the variables stay. */
  dispose(): void {
    for (const { own } of this.optimizers) own.dispose();
  }
}
