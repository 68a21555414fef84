/**
 * Scaled dot-product attention (Vaswani et al. 2017, arXiv:1706.03762), with fewer key/value heads than query heads
 * where wanted (multi-query: Shazeer 2019, arXiv:1911.02150; grouped: Ainslie et al. 2023, arXiv:2305.13245).
 * The fused form is FlashAttention (Dao 2023, arXiv:2307.08691), which never stores the weights [B,H,T,S].
 */

import { withGradient } from '../../compute/gradient.js';
import { toFloat } from '../../compute/half/convert.js';
import { halfResult, requireHalf } from '../../compute/half/half-result.js';
import { type HalfTensor, isHalf } from '../../compute/half/half-tensor.js';
import { choosePath, type KernelPath } from '../../compute/path.js';
import { broadcastStrides, requireFloat32, shown } from '../../compute/shapes.js';
import { tf } from '../../compute/tf.js';
import { composedAttention } from './attention-composed.js';
import { flashAttention, flashAttentionKernel, largestHeadDim } from './flash-attention.js';
import { type AttentionRule, type AttentionSetup, attentionSetup } from './options.js';

export interface AttentionOptions extends AttentionRule {
  /**
   * Broadcastable to [B,H,T,S]. bool or int32: non-zero = may attend. float32: added to the scaled logits
   * (-Infinity hides), and differentiable; that form has no fused kernel.
   */
  mask?: tf.Tensor;
  /** Whether half tensors may be multiplied by the GPU's matrix units. Default true. */
  subgroupMatrix?: boolean;
  path?: KernelPath;
}

/**
 * softmax(scale q k^T + biases) v per head; query head h reads key/value head floor(h K / H). With `causal`, query i
 * sees keys j <= i + (S - T). A query with nothing to attend to gives 0, and 0 gradients. In the composed form a NaN or
 * infinite value of a hidden key meets its weight of 0 and makes NaN, as in PyTorch's eager operations.
 * @param q [B,H,T,D] @param k [B,K,S,D] @param v [B,K,S,D], float32 or all three half tensors, H a multiple of K
 * @returns [B,H,T,D], differentiable in q, k, v and an additive mask. A half tensor for half tensors: scores and sums are
 *   float32, the result and the gradients are rounded once; on matrix units the weights are rounded to half precision too, and NaN or Infinity
 *   in v also reaches queries that do not see that key.
 * @throws TypeError for other dtypes; RangeError for shapes that do not fit; Error when path 'fused' is asked for and
 *   cannot be had (another backend, an additive mask, D > 256, half tensors on a device without shader-f16).
 */
export function attention(
  q: HalfTensor,
  k: HalfTensor,
  v: HalfTensor,
  options?: AttentionOptions,
): HalfTensor;
export function attention(q: tf.Tensor, k: tf.Tensor, v: tf.Tensor, options?: AttentionOptions): tf.Tensor;
export function attention(
  q: tf.Tensor | HalfTensor,
  k: tf.Tensor | HalfTensor,
  v: tf.Tensor | HalfTensor,
  options: AttentionOptions = {},
): tf.Tensor | HalfTensor {
  if (isHalf(q) || isHalf(k) || isHalf(v)) {
    requireHalf('attention', { q, k, v });
    return halfAttention(q as HalfTensor, k as HalfTensor, v as HalfTensor, options);
  }
  requireFloat32('attention', { q, k, v });
  const setup = attentionSetup(q.shape, k.shape, v.shape, options);
  const { mask, path } = options;
  if (mask) checkMask(mask, setup);
  const additive = mask?.dtype === 'float32';
  const chosen = choosePath('attention', flashAttentionKernel, path, unsupported(setup, additive));
  if (q.size === 0 || k.size === 0) return nothing(q, k, v);
  if (chosen === 'fused') return flashAttention(q, k, v, setup, mask);
  return composedAttention(q, k, v, setup, additive ? { bias: mask } : { mask });
}

function halfAttention(
  q: HalfTensor,
  k: HalfTensor,
  v: HalfTensor,
  { subgroupMatrix, ...options }: AttentionOptions,
): HalfTensor {
  const setup = attentionSetup(q.shape, k.shape, v.shape, options);
  const { mask, path } = options;
  if (mask) checkMask(mask, setup);
  const empty = q.packed.size === 0 || k.packed.size === 0;
  return halfResult(
    'attention',
    flashAttentionKernel,
    path,
    q.shape,
    () => flashAttention(q.packed, k.packed, v.packed, setup, mask, subgroupMatrix),
    () => attention(toFloat(q), toFloat(k), toFloat(v), options),
    unsupported(setup, mask?.dtype === 'float32'),
    empty,
  );
}

function checkMask(mask: tf.Tensor, { B, H, T, S }: AttentionSetup): void {
  if (!['bool', 'int32', 'float32'].includes(mask.dtype)) {
    throw new TypeError(
      `attention: mask must be bool, int32 or float32, got ${mask.dtype} ${shown(mask.shape)}`,
    );
  }
  if (!broadcastStrides(mask.shape, [B, H, T, S])) {
    throw new RangeError(
      `attention: mask ${shown(mask.shape)} does not broadcast to [B,H,T,S] = ${shown([B, H, T, S])}`,
    );
  }
}

function unsupported({ D }: AttentionSetup, additive: boolean): string | undefined {
  if (additive) return 'an additive (float32) mask';
  return D > largestHeadDim ? `a head dim above ${largestHeadDim}, got D = ${D}` : undefined;
}

/** No queries, no keys or no features: nothing is attended to. */
function nothing(q: tf.Tensor, k: tf.Tensor, v: tf.Tensor): tf.Tensor {
  const [queries, keys] = [q.shape, k.shape];
  return withGradient([q, k, v], () => ({
    value: tf.zeros(queries),
    gradient: () => [tf.zeros(queries), tf.zeros(keys), tf.zeros(keys)],
  }));
}
