/**
 * P-tuning v1 (Liu et al. 2021, arXiv:2103.10385): the virtual tokens in front of the input are not learned as such but come
 * out of an encoder over an embedding, an MLP or a bidirectional LSTM with an MLP behind it, so that they depend on each
 * other. After training the encoder's result is kept and the encoder thrown away.
 */

import { requireAxes, requireFloat32 } from '../../compute/shapes.js';
import { tf } from '../../compute/tf.js';
import { activation } from '../../layers/activation/activation.js';
import { linear } from '../../layers/linear/linear.js';
import { type BidirectionalLayer, bidirectionalLstm } from './lstm.js';

/** Weights [out, in] and bias [out] of a linear layer. */
export interface AffineWeights {
  w: tf.Tensor;
  b: tf.Tensor;
}

export interface PromptEncoderWeights {
  /** In front of the MLP. Default none. */
  lstm?: readonly BidirectionalLayer[];
  /** With relu between one and the next. */
  mlp: readonly AffineWeights[];
}

/**
 * @param embedding [P,C], float32
 * @returns the virtual tokens [P,C], differentiable in all
 * @throws RangeError when the shapes do not fit.
 */
export function promptEncoder(embedding: tf.Tensor, { lstm, mlp }: PromptEncoderWeights): tf.Tensor {
  requireFloat32('promptEncoder', { embedding });
  requireAxes('promptEncoder', 'embedding', embedding.shape, 'P,C');
  return tf.tidy(() => {
    const encoded = lstm ? bidirectionalLstm(embedding, lstm) : embedding;
    return mlp.reduce((x, { w, b }, n) => linear(n === 0 ? x : activation(x, 'relu'), w, b), encoded);
  });
}
