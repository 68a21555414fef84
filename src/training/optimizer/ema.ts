/** Exponential moving averages of weights (Polyak & Juditsky 1992; Izmailov et al. 2018, arXiv:1803.05407 for the plain mean). */
import { requireFloat32, sameShape, shown } from '../../compute/shapes.js';
import { tf } from '../../compute/tf.js';

/**
 * decay * average + (1 - decay) * value.
 * @throws TypeError when a tensor is not float32; RangeError when the shapes differ or decay is outside [0, 1].
 */
export function exponentialAverage(average: tf.Tensor, value: tf.Tensor, decay: number): tf.Tensor {
  requireFloat32('exponentialAverage', { average, value });
  requireDecay('exponentialAverage', decay);
  if (!sameShape(average.shape, value.shape)) {
    throw new RangeError(
      `exponentialAverage: average and value must have one shape, got ${shown(average.shape)} and ${shown(value.shape)}`,
    );
  }
  return tf.tidy(() => tf.add(tf.mul(average, decay), tf.mul(value, 1 - decay)));
}

/** The averages of a model's variables, which often evaluate better than the variables themselves. */
export class WeightAverage {
  /** In the order of the variables. */
  private averages: tf.Tensor[];

  /** Starts at the variables as they are. @throws RangeError when decay is outside [0, 1]. */
  constructor(
    readonly variables: readonly tf.Variable[],
    readonly decay: number,
  ) {
    requireDecay('WeightAverage', decay);
    this.averages = variables.map((variable) => tf.keep(tf.clone(variable as tf.Tensor)));
  }

  /** Takes in the variables; call it after every step. */
  update(): void {
    this.replace(
      this.averages.map((average, n) => exponentialAverage(average, this.variables[n]!, this.decay)),
    );
  }

  /** Exchanges variables and averages; a second call restores them. Evaluate between the two. */
  swap(): void {
    const values = this.variables.map((variable) => tf.clone(variable as tf.Tensor));
    this.variables.forEach((variable, n) => {
      variable.assign(this.averages[n]!);
    });
    this.replace(values);
  }

  /** Frees the averages; the variables stay. */
  dispose(): void {
    this.replace([]);
  }

  private replace(averages: tf.Tensor[]): void {
    tf.dispose(this.averages);
    this.averages = averages.map((average) => tf.keep(average));
  }
}

function requireDecay(caller: string, decay: number): void {
  if (!(decay >= 0 && decay <= 1)) throw new RangeError(`${caller}: decay must lie in [0, 1], got ${decay}`);
}
