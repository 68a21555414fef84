/**
 * From multi-head to grouped-query attention: the key (or value) projections of the heads of a group are replaced by
 * their mean, and training goes on (Ainslie et al. 2023, arXiv:2305.13245, section 2.1).
 */
import { type NdArray, ndarray } from '../../compute/ndarray.js';
import { requireAxes, requireFloat32, shown } from '../../compute/shapes.js';
import { tf } from '../../compute/tf.js';

/**
 * Row block g of the result is the mean of the row blocks of heads g H/K .. (g+1) H/K - 1, those that attention lets
 * query heads of group g read.
 * @param weight W_k or W_v of `multiHeadAttention`, [H D, C], heads in contiguous blocks of D rows
 * @param heads H, the heads in `weight` @param kvHeads K, a divisor of H
 * @returns [K D, C], differentiable
 * @throws TypeError when weight is not float32; RangeError when heads or rows do not divide.
 */
export function poolHeads(weight: tf.Tensor, heads: number, kvHeads: number): tf.Tensor {
  requireFloat32('poolHeads', { weight });
  const D = headDim(weight.shape, heads, kvHeads);
  const C = weight.shape[1]!;
  return tf.tidy(() =>
    tf.reshape(tf.mean(tf.reshape(weight, [kvHeads, heads / kvHeads, D * C]), 1), [kvHeads * D, C]),
  );
}

/** The same in float64 with plain loops. */
export function poolHeadsOracle(weight: NdArray, heads: number, kvHeads: number): NdArray {
  const D = headDim(weight.shape, heads, kvHeads);
  const C = weight.shape[1]!;
  const pooled = ndarray([kvHeads * D, C]);
  const group = heads / kvHeads;
  for (let h = 0; h < heads; h++) {
    for (let n = 0; n < D * C; n++) {
      pooled.data[Math.floor(h / group) * D * C + n]! += weight.data[h * D * C + n]! / group;
    }
  }
  return pooled;
}

/** Gradient of sum(dy * poolHeads(weight)): each head of a group gets an equal share. dy [K D, C] -> [H D, C]. */
export function poolHeadsGradientOracle(dy: NdArray, heads: number, kvHeads: number): NdArray {
  const [rows, C] = dy.shape as [number, number];
  const D = rows / kvHeads;
  const group = heads / kvHeads;
  const gradient = ndarray([heads * D, C]);
  for (let n = 0; n < gradient.data.length; n++) {
    const [h, rest] = [Math.floor(n / (D * C)), n % (D * C)];
    gradient.data[n] = dy.data[Math.floor(h / group) * D * C + rest]! / group;
  }
  return gradient;
}

/** D, after checks. */
function headDim(shape: readonly number[], heads: number, kvHeads: number): number {
  requireAxes('poolHeads', 'weight', shape, 'H D,C');
  for (const [name, count] of Object.entries({ heads, kvHeads })) {
    if (!Number.isInteger(count) || count < 1) {
      throw new RangeError(`poolHeads: ${name} must be a positive integer, got ${count}`);
    }
  }
  if (heads % kvHeads !== 0) {
    throw new RangeError(`poolHeads: heads (${heads}) must be a multiple of kvHeads (${kvHeads})`);
  }
  const D = shape[0]! / heads;
  if (!Number.isInteger(D)) {
    throw new RangeError(
      `poolHeads: the rows of weight ${shown(shape)} do not divide into ${heads} heads (D would be ${D})`,
    );
  }
  return D;
}
