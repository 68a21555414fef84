/**
 * A bottleneck adapter: x + f(x Wdown^T + bdown) Wup^T + bup. Houlsby et al. 2019 (arXiv:1902.00751) put one behind
 * attention and one behind the feed-forward layer, each before the residual is added; Pfeiffer et al. 2021
 * (arXiv:2005.00247) only the second. Wup and bup start near 0, so that the model starts unchanged.
 */

import { tf } from '../../compute/tf.js';
import type { ActivationKind } from '../../layers/activation/kinds.js';
import { feedForward } from '../../layers/feed-forward/feed-forward.js';

export interface AdapterWeights {
  /** [m, C], m the width of the bottleneck */
  wDown: tf.Tensor;
  /** [m] */
  bDown?: tf.Tensor;
  /** [C, m] */
  wUp: tf.Tensor;
  /** [C] */
  bUp?: tf.Tensor;
}

/**
 * @param x [..., C], float32
 * @param activation f; default 'relu'
 * @returns [..., C], differentiable in x and all weights
 * @throws TypeError when an input is not float32; RangeError when the shapes do not fit.
 */
export function bottleneckAdapter(
  x: tf.Tensor,
  { wDown, bDown, wUp, bUp }: AdapterWeights,
  { activation = 'relu' }: { activation?: ActivationKind } = {},
): tf.Tensor {
  return tf.tidy(() => tf.add(x, feedForward(x, { w1: wDown, b1: bDown, w2: wUp, b2: bUp }, { activation })));
}

/** Learned numbers of one adapter, biases included: 2 m C + C + m. */
export function adapterParameters(C: number, m: number): number {
  return 2 * m * C + C + m;
}
