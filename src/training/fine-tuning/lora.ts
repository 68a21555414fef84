/**
 * Low-rank adaptation of a frozen linear layer: y = x W^T + s (x A^T) B^T with A [r, in] random and B [out, r] zero at the
 * start, s = alpha / r (LoRA: Hu et al. 2021, arXiv:2106.09685) or alpha / sqrt(r) (rsLoRA: Kalajdzievski 2023,
 * arXiv:2312.03732). Both zero would be a stationary point: each one's gradient is proportional to the other.
 */

import { present, requireFloat32, sameShape, shown } from '../../compute/shapes.js';
import { tf } from '../../compute/tf.js';
import { linear } from '../../layers/linear/linear.js';

export interface LoraFactors {
  /** [r, in] */
  a: tf.Tensor;
  /** [out, r] */
  b: tf.Tensor;
}

export interface LoraScaling {
  /** Default the rank, so that s = 1 (LoRA). */
  alpha?: number;
  /** s = alpha / sqrt(r): the size of the update does not fall with the rank. Default false: alpha / r. */
  rsLora?: boolean;
}

export interface LoraOptions extends LoraScaling {
  /** Of the linear layer, [out]. */
  bias?: tf.Tensor;
  /** Share of the inputs of A that are set to 0 in training, the others growing by 1 / (1 - dropout). Default 0. */
  dropout?: number;
  /** Of the dropped inputs. */
  seed?: number;
}

/**
 * s.
 * @throws RangeError when the rank is not a positive integer or alpha not finite.
 */
export function loraScale(rank: number, { alpha = rank, rsLora = false }: LoraScaling = {}): number {
  if (!(Number.isInteger(rank) && rank >= 1 && Number.isFinite(alpha))) {
    throw new RangeError(
      `loraScale: needs a rank that is a positive integer and a finite alpha, got rank ${rank}, alpha ${alpha}`,
    );
  }
  return alpha / (rsLora ? Math.sqrt(rank) : rank);
}

/**
 * x W^T + s (x A^T) B^T + b; the low-rank product is never formed.
 * @param x [..., in], float32 @param weight [out, in]
 * @returns [..., out], differentiable in x, the factors, the weight and the bias
 * @throws TypeError when an input is not float32; RangeError when shapes do not fit or dropout is not in [0, 1).
 */
export function loraLinear(
  x: tf.Tensor,
  weight: tf.Tensor,
  factors: LoraFactors,
  options: LoraOptions = {},
): tf.Tensor {
  checkFactors('loraLinear', weight, factors, options.bias);
  return tf.tidy(() => {
    const sum = tf.add(linear(x, weight), loraDelta(x, factors, options));
    return options.bias ? tf.add(sum, options.bias) : sum;
  });
}

/** s (x A^T) B^T, what LoRA adds. */
export function loraDelta(x: tf.Tensor, { a, b }: LoraFactors, options: LoraOptions = {}): tf.Tensor {
  const scale = loraScale(a.shape[0]!, options);
  return tf.tidy(() => tf.mul(linear(linear(dropped(x, options), a), b), scale));
}

function dropped(x: tf.Tensor, { dropout = 0, seed }: LoraOptions): tf.Tensor {
  if (!(dropout >= 0 && dropout < 1)) {
    throw new RangeError(`loraLinear: dropout must be in [0, 1), got ${dropout}`);
  }
  return dropout === 0 ? x : tf.dropout(x, dropout, undefined, seed);
}

/**
 * W + s B A: one matrix that does the same without extra cost.
 * @param weight [out, in]
 * @returns [out, in], differentiable
 */
export function mergeLora(weight: tf.Tensor, factors: LoraFactors, scaling: LoraScaling = {}): tf.Tensor {
  checkFactors('mergeLora', weight, factors);
  const scale = loraScale(factors.a.shape[0]!, scaling);
  return tf.tidy(() => tf.add(weight, tf.mul(tf.matMul(factors.b, factors.a), scale)));
}

/** @throws TypeError, RangeError naming what does not fit. */
export function checkFactors(
  caller: string,
  weight: tf.Tensor,
  { a, b }: LoraFactors,
  bias?: tf.Tensor,
): void {
  requireFloat32(caller, { weight, a, b, ...present({ bias }) });
  const [out, inner] = weight.shape;
  const rank = a.shape[0] ?? 0;
  const fits =
    weight.rank === 2 && rank > 0 && sameShape(a.shape, [rank, inner!]) && sameShape(b.shape, [out!, rank]);
  if (!fits) {
    throw new RangeError(
      `${caller}: a must be [r, in] and b [out, r] for a weight [out, in], got a ${shown(a.shape)}, b ${shown(b.shape)}, weight ${shown(weight.shape)}`,
    );
  }
}
