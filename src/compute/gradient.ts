/** `tf.customGrad` with types, and with the inputs taken from the closure: a value together with its own gradient. */
import { tf } from './tf.js';

export interface Differentiated {
  value: tf.Tensor;
  /** Gradients with respect to each input, in order, given that of the value and the tensors that were saved. */
  gradient: (dy: tf.Tensor, saved: tf.Tensor[]) => tf.Tensor[];
}

/**
 * Runs `forward` once and makes `gradient` its derivative with respect to `inputs`. Only saved tensors may be used by
 * `gradient`; everything else that `forward` creates is disposed when it returns.
 */
export function withGradient(
  inputs: tf.Tensor[],
  forward: (save: (tensors: tf.Tensor[]) => void) => Differentiated,
): tf.Tensor {
  const operation = tf.customGrad((...args) => {
    const save = args[args.length - 1] as tf.GradSaveFunc;
    const { value, gradient } = forward(save);
    return { value, gradFunc: gradient };
  });
  return operation(...inputs);
}

/** What `compute` gives, as a constant: no gradient flows through it to what it was computed from. */
export function detached(compute: () => tf.Tensor): tf.Tensor {
  return withGradient([], () => ({ value: compute(), gradient: () => [] }));
}

/** x repeated `times` along `axis`, where its extent is 1; the gradient is one sum, not one slice for each repetition. */
export function repeated(x: tf.Tensor, axis: number, times: number): tf.Tensor {
  const reps = x.shape.map((_, n) => (n === axis ? times : 1));
  return withGradient([x], () => ({
    value: tf.tile(x, reps),
    gradient: (dy) => [tf.sum(dy, axis, true)],
  }));
}
