/**
 * Prompt tuning (Lester et al. 2021, arXiv:2104.08691): P learned vectors in front of the embedded tokens, and nothing else.
 * The model sees P + T positions and gives logits at all of them; the last vector predicts the first token.
 */

import { repeated } from '../../compute/gradient.js';
import { requireAxes, requireFloat32, shown } from '../../compute/shapes.js';
import { tf } from '../../compute/tf.js';

/**
 * @param prompt [P,C], float32 @param embedded [B,T,C]
 * @returns [B,P+T,C], differentiable in both
 * @throws RangeError when the shapes do not fit.
 */
export function withPrompt(prompt: tf.Tensor, embedded: tf.Tensor): tf.Tensor {
  requireFloat32('withPrompt', { prompt, embedded });
  requireAxes('withPrompt', 'prompt', prompt.shape, 'P,C');
  requireAxes('withPrompt', 'embedded', embedded.shape, 'B,T,C');
  const [B, , C] = embedded.shape as [number, number, number];
  if (prompt.shape[1] !== C) {
    throw new RangeError(
      `withPrompt: prompt [P,C] and embedded [B,T,C] must agree in C, got ${shown(prompt.shape)} and ${shown(embedded.shape)}`,
    );
  }
  return tf.tidy(() => tf.concat([repeated(tf.expandDims(prompt, 0), 0, B), embedded], 1));
}

/**
 * The prompt in front of embedding[ids].
 * @param prompt [P,C] @param embedding [V,C] @param ids [B,T], int32
 * @returns [B,P+T,C], differentiable in prompt and embedding
 */
export function promptEmbedding(prompt: tf.Tensor, embedding: tf.Tensor, ids: tf.Tensor): tf.Tensor {
  if (ids?.dtype !== 'int32') {
    throw new TypeError(
      `promptEmbedding: ids must be an int32 tensor [B,T], got ${ids?.dtype ?? typeof ids}`,
    );
  }
  requireFloat32('promptEmbedding', { embedding });
  return tf.tidy(() => withPrompt(prompt, tf.gather(embedding, ids)));
}
