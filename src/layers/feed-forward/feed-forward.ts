/**
 * The position-wise feed-forward layer (Vaswani et al. 2017, arXiv:1706.03762, section 3.3): two linear layers with an
 * activation between, and its gated form with three (SwiGLU: Shazeer 2020, arXiv:2002.05202). Weights are [out, in].
 */

import { present, requireFloat32, sameShape, shown } from '../../compute/shapes.js';
import { tf } from '../../compute/tf.js';
import { activation } from '../activation/activation.js';
import { gatedActivation } from '../activation/glu.js';
import type { ActivationKind } from '../activation/kinds.js';
import { type LinearWeight, linear, weightTensors } from '../linear/linear.js';

export interface FeedForwardWeights {
  /** [F, C] */
  w1: tf.Tensor;
  /** [F] */
  b1?: tf.Tensor;
  /** [C, F] */
  w2: tf.Tensor;
  /** [C] */
  b2?: tf.Tensor;
}

/**
 * f(x W1^T + b1) W2^T + b2.
 * @param x [..., C], float32
 * @param kind f; default 'relu', as in the original Transformer
 * @returns [..., C], differentiable in x and all weights
 * @throws TypeError when an input is not float32; RangeError when the shapes do not fit.
 */
export function feedForward(
  x: tf.Tensor,
  weights: FeedForwardWeights,
  { activation: kind = 'relu' }: { activation?: ActivationKind } = {},
): tf.Tensor {
  const { w1, b1, w2, b2 } = weights;
  requireFloat32('feedForward', { x, w1, w2, ...present({ b1, b2 }) });
  const F = w1.shape[0] ?? 0;
  const C = x.shape[x.rank - 1] ?? 0;
  checkShape('feedForward', x, 'w1', w1, '[F,C]', [F, C]);
  checkShape('feedForward', x, 'w2', w2, '[C,F]', [C, F]);
  if (b1) checkShape('feedForward', x, 'b1', b1, '[F]', [F]);
  if (b2) checkShape('feedForward', x, 'b2', b2, '[C]', [C]);
  return tf.tidy(() => linear(activation(linear(x, w1, b1), kind), w2, b2));
}

/** A `LinearLayer` may stand for a weight. */
export interface SwiGluWeights<W extends LinearWeight = tf.Tensor> {
  /** [F, C] */
  wGate: W;
  /** [F, C] */
  wUp: W;
  /** [C, F] */
  wDown: W;
  /** [F] */
  bGate?: tf.Tensor;
  /** [F] */
  bUp?: tf.Tensor;
  /** [C] */
  bDown?: tf.Tensor;
}

/**
 * (silu(x Wgate^T) * x Wup^T) Wdown^T: the feed-forward layer of Llama. The branch with the activation is the gate. A
 * bias is added after its product.
 * @param x [..., C], float32
 * @returns [..., C], differentiable in x, the weights and the biases
 * @throws TypeError when an input is not float32; RangeError when the shapes do not fit.
 */
export function swiGluFfn(
  x: tf.Tensor,
  { wGate, wUp, wDown, bGate, bUp, bDown }: SwiGluWeights<LinearWeight>,
): tf.Tensor {
  requireFloat32('swiGluFfn', {
    x,
    ...weightTensors({ wGate, wUp, wDown }),
    ...present({ bGate, bUp, bDown }),
  });
  const F = wGate.shape[0] ?? 0;
  const C = x.shape[x.rank - 1] ?? 0;
  checkShape('swiGluFfn', x, 'wGate', wGate, '[F,C]', [F, C]);
  checkShape('swiGluFfn', x, 'wUp', wUp, '[F,C]', [F, C]);
  checkShape('swiGluFfn', x, 'wDown', wDown, '[C,F]', [C, F]);
  if (bGate) checkShape('swiGluFfn', x, 'bGate', bGate, '[F]', [F]);
  if (bUp) checkShape('swiGluFfn', x, 'bUp', bUp, '[F]', [F]);
  if (bDown) checkShape('swiGluFfn', x, 'bDown', bDown, '[C]', [C]);
  return tf.tidy(() =>
    linear(gatedActivation(linear(x, wUp, bUp), linear(x, wGate, bGate), 'silu'), wDown, bDown),
  );
}

function checkShape(
  caller: string,
  x: tf.Tensor,
  name: string,
  tensor: LinearWeight,
  letters: string,
  shape: number[],
): void {
  if (sameShape(tensor.shape, shape)) return;
  throw new RangeError(
    `${caller}: ${name} must be ${letters} = ${shown(shape)} for x ${shown(x.shape)}, got ${shown(tensor.shape)}`,
  );
}

/**
 * The hidden width F of Llama's SwiGLU layers: two thirds of 4 C, so that three matrices have the parameters of two,
 * times `multiplier` where a model has one (Llama 3: 1.3), rounded up to a multiple. C = 4096 gives 11008.
 * @throws RangeError when a size is not a positive integer.
 */
export function swiGluHidden(C: number, multipleOf = 256, multiplier = 1): number {
  for (const [name, value] of Object.entries({ C, multipleOf })) {
    if (!Number.isInteger(value) || value < 1) {
      throw new RangeError(`swiGluHidden: ${name} must be a positive integer, got ${value}`);
    }
  }
  if (!(multiplier > 0 && Number.isFinite(multiplier))) {
    throw new RangeError(`swiGluHidden: multiplier must be a positive number, got ${multiplier}`);
  }
  const width = Math.floor(multiplier * Math.floor((8 * C) / 3));
  return multipleOf * Math.ceil(width / multipleOf);
}
