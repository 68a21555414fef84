/**
 * A bidirectional LSTM (Hochreiter & Schmidhuber 1997) with PyTorch's weights: gates i, f, g, o stacked in that order,
 * two biases; c' = sigmoid(f) c + sigmoid(i) tanh(g), h = sigmoid(o) tanh(c'), from zeros.
 */

import { requireAxes, requireFloat32, sameShape, shown } from '../../compute/shapes.js';
import { tf } from '../../compute/tf.js';
import { linear } from '../../layers/linear/linear.js';

/** One direction of one layer, H its hidden size. */
export interface LstmWeights {
  /** [4 H, in] */
  wInput: tf.Tensor;
  /** [4 H, H] */
  wHidden: tf.Tensor;
  /** [4 H] */
  bInput: tf.Tensor;
  /** [4 H] */
  bHidden: tf.Tensor;
}

export interface BidirectionalLayer {
  forward: LstmWeights;
  backward: LstmWeights;
}

/**
 * @param x [T,C], float32, one sequence
 * @param layers each reads the 2 H outputs of the one before
 * @returns [T, 2 H]: the forward direction's h, then the backward direction's; differentiable in all
 * @throws RangeError when the shapes do not fit.
 */
export function bidirectionalLstm(x: tf.Tensor, layers: readonly BidirectionalLayer[]): tf.Tensor {
  requireFloat32('bidirectionalLstm', { x });
  requireAxes('bidirectionalLstm', 'x', x.shape, 'T,C');
  return tf.tidy(() =>
    layers.reduce((input, { forward, backward }) => {
      const there = direction(input, forward, false);
      const back = direction(input, backward, true);
      return tf.concat([there, back], 1);
    }, x),
  );
}

function direction(x: tf.Tensor, weights: LstmWeights, reversed: boolean): tf.Tensor {
  const { wInput, wHidden, bInput, bHidden } = weights;
  requireFloat32('bidirectionalLstm', { wInput, wHidden, bInput, bHidden });
  const [T, C] = x.shape as [number, number];
  const H = wHidden.shape[1] ?? 0;
  const fits = sameShape(wInput.shape, [4 * H, C]) && sameShape(wHidden.shape, [4 * H, H]);
  if (!fits) {
    throw new RangeError(
      `bidirectionalLstm: weights must be [4 H, in] and [4 H, H] for inputs ${shown(x.shape)}, got ${shown(wInput.shape)} and ${shown(wHidden.shape)}`,
    );
  }
  const inputs = linear(x, wInput, bInput);
  let [h, c]: tf.Tensor[] = [tf.zeros([1, H]), tf.zeros([1, H])];
  const outputs: tf.Tensor[] = [];
  for (let step = 0; step < T; step++) {
    const at = reversed ? T - 1 - step : step;
    const gates = tf.add(tf.slice(inputs, [at, 0], [1, 4 * H]), linear(h!, wHidden, bHidden));
    const gate = (n: number) => tf.slice(gates, [0, n * H], [1, H]);
    const kept = tf.mul(tf.sigmoid(gate(1)), c!);
    c = tf.add(kept, tf.mul(tf.sigmoid(gate(0)), tf.tanh(gate(2))));
    h = tf.mul(tf.sigmoid(gate(3)), tf.tanh(c));
    outputs[at] = h;
  }
  return outputs.length === 0 ? tf.zeros([0, H]) : tf.concat(outputs, 0);
}
