/** Which experts a token takes, and with what weights. */
import { withGradient } from '../../compute/gradient.js';
import { tf } from '../../compute/tf.js';
import { linear } from '../linear/linear.js';
import { softmax } from '../softmax/softmax.js';

export interface Routed {
  /** [N,E], 0 where an expert is not chosen; differentiable. */
  weights: tf.Tensor;
  /** [N,E], 1 where it is. */
  chosen: tf.Tensor;
  /** [N,E] */
  logits: tf.Tensor;
  /** [N,E], softmax of the logits. */
  probabilities: tf.Tensor;
}

/** @param rows [N,C] @param router [E,C] @param renormalise divide the weights of the chosen by their sum */
export function routeTokens(
  rows: tf.Tensor,
  router: tf.Tensor,
  { topK, renormalise = true }: { topK: number; renormalise?: boolean | undefined },
): Routed {
  const logits = linear(rows, router);
  const probabilities = softmax(logits);
  const chosen = choices(logits, topK);
  const kept = tf.mul(probabilities, chosen);
  const weights = renormalise ? tf.div(kept, tf.sum(kept, -1, true)) : kept;
  return { weights, chosen, logits, probabilities };
}

/** 1 for the topK largest of each row [N,E], else 0; of equal ones the first. A step function: its gradient is 0. */
export function choices(logits: tf.Tensor, topK: number): tf.Tensor {
  const [N, E] = logits.shape as [number, number];
  return withGradient([logits], () => {
    // Of no tokens tfjs's topk throws on webgpu.
    if (N === 0) return { value: tf.zeros([0, E]), gradient: () => [tf.zeros([0, E])] };
    const { indices } = tf.topk(logits, topK);
    const hits = tf.equal(tf.reshape(indices, [N, topK, 1]), tf.range(0, E, 1, 'int32'));
    const value = tf.sum(tf.where(hits, tf.ones([N, topK, E]), tf.zeros([N, topK, E])), 1);
    return { value, gradient: () => [tf.zeros([N, E])] };
  });
}
