/** What stands on a tape: a function of tensors with its backward pass. Both may wait for other ranks. */
import { tf } from '../../compute/tf.js';

type Awaitable<T> = T | Promise<T>;

export interface Operator {
  readonly name: string;
  /** New tensors, which the tape frees; the inputs are not its own. */
  forward(inputs: readonly tf.Tensor[]): Awaitable<tf.Tensor[]>;
  /**
   * @param gradients of the outputs, in their shapes; zeros where nobody used one
   * @param wanted which inputs need one; under a deferred backward pass this is called twice, once for each half of them
   * @param outputs what `forward` gave: a second output keeps what the backward pass would otherwise ask the ranks for again
   * @returns new tensors in the inputs' shapes, undefined where none is wanted or where the output does not depend on the input
   */
  backward(
    inputs: readonly tf.Tensor[],
    gradients: readonly tf.Tensor[],
    wanted: readonly boolean[],
    outputs: readonly tf.Tensor[],
  ): Awaitable<(tf.Tensor | undefined)[]>;
}

export type LocalFunction = (...inputs: tf.Tensor[]) => tf.Tensor | tf.Tensor[];

/**
 * An operator of a differentiable function that stays on this rank. tfjs's own tape does not outlive an await, so that the backward pass
 * runs the function once more, as activation recomputation does: between the two passes its inputs are all that is kept.
 */
export function localOperator(name: string, f: LocalFunction): Operator {
  return {
    name,
    forward: (inputs) => [tf.tidy(() => f(...inputs))].flat(),
    backward: (inputs, gradients, wanted) =>
      tf.tidy(() => {
        const chosen = [...wanted.keys()].filter((index) => wanted[index]);
        const weighted = () => {
          const outputs = [f(...inputs)].flat();
          if (outputs.length === 1) return outputs[0]!;
          return tf.addN(outputs.map((output, n) => tf.sum(tf.mul(output, gradients[n]!))));
        };
        const given = gradients.length === 1 ? gradients[0] : undefined;
        const { grads } = tf.engine().gradients(
          weighted,
          chosen.map((index) => inputs[index]!),
          given,
          true,
        );
        const all: (tf.Tensor | undefined)[] = wanted.map(() => undefined);
        for (const [n, index] of chosen.entries()) {
          const gradient = grads[n] as tf.Tensor | null | undefined;
          // A gradient may be the very tensor that was given; the tape frees each of its own once.
          if (gradient) all[index] = gradients.includes(gradient) ? tf.clone(gradient) : gradient;
        }
        return all;
      }),
  };
}
