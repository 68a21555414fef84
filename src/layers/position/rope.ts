/**
 * RoPE, rotary position embedding (Su et al. 2021, arXiv:2104.09864): each pair of features of a query or key at
 * position m is rotated by the angle m theta_i, theta_i = base^(-2i/D), so that <R_m q, R_n k> = q^T R_(n-m) k depends
 * on the offset n - m only. A rotation is orthogonal: the gradient is the rotation by the negative angle.
 */

import { withGradient } from '../../compute/gradient.js';
import { toFloat } from '../../compute/half/convert.js';
import { halfResult } from '../../compute/half/half-result.js';
import { type HalfTensor, isHalf } from '../../compute/half/half-tensor.js';
import { type NdArray, ndarray } from '../../compute/ndarray.js';
import { choosePath, type KernelPath } from '../../compute/path.js';
import { requireFloat32, shown } from '../../compute/shapes.js';
import { tf } from '../../compute/tf.js';
import { ropeKernel, runRope } from './rope.wgsl.js';
import {
  anglesOf,
  type Positions,
  positionValues,
  type Rotation,
  ropeFrequencies,
  ropeTable,
} from './rope-table.js';

/** Which features form a pair: 'interleaved' (2i, 2i+1) as in the paper and Meta's Llama, 'half' (i, i+D/2) as in GPT-NeoX and Hugging Face. */
export type RopeLayout = 'interleaved' | 'half';

export interface RopeOptions {
  /** Default 'interleaved'. */
  layout?: RopeLayout;
  /** Default 10000. */
  base?: number;
  /** Radians per position of each pair, [D/2], instead of those of `base`: see `scaledRopeFrequencies`. */
  inverseFrequencies?: ArrayLike<number>;
  /** Multiplies the rotated vectors: the attention factor of YaRN. Default 1. */
  attentionFactor?: number;
  path?: KernelPath;
}

/**
 * Rotates queries or keys by their positions.
 * @param x [B,H,T,D] or any [...,T,D], float32, D even; or a half tensor, computed in float32 and rounded once
 * @param positions [T], any real numbers
 * @returns the shape and kind of x, differentiable in x for float32
 * @throws TypeError when x is not float32; RangeError when D is odd, the number of positions is not T, or the layout
 *   is unknown; Error when path 'fused' is asked for on a backend without the kernel.
 */
export function rope(x: HalfTensor, positions: Positions, options?: RopeOptions): HalfTensor;
export function rope(x: tf.Tensor, positions: Positions, options?: RopeOptions): tf.Tensor;
export function rope(
  x: tf.Tensor | HalfTensor,
  positions: Positions,
  options: RopeOptions = {},
): tf.Tensor | HalfTensor {
  const { layout = 'interleaved', path } = options;
  if (isHalf(x)) {
    checkShapes(x.shape, positionValues(positions).length, layout);
    const table = () => ropeTable(positions, rotationOf(x.shape.at(-1)!, options));
    const fused = () => runRope(x.packed, table(), layout, 1, x.shape);
    return halfResult('rope', ropeKernel, path, x.shape, fused, () => rope(toFloat(x), positions, options));
  }
  requireFloat32('rope', { x });
  checkShapes(x.shape, positionValues(positions).length, layout);
  const chosen = choosePath('rope', ropeKernel, path);
  if (x.size === 0) return tf.clone(x);
  const table = ropeTable(positions, rotationOf(x.shape[x.rank - 1]!, options));
  return chosen === 'fused' ? runRope(x, table, layout, 1) : composed(x, table, layout, 1);
}

function checkShapes(x: readonly number[], T: number, layout: RopeLayout): void {
  if (layout !== 'interleaved' && layout !== 'half') {
    throw new RangeError(`rope: layout must be 'interleaved' or 'half', got ${JSON.stringify(layout)}`);
  }
  if (x.length < 2) throw new RangeError(`rope: x must be [B,H,T,D] or [...,T,D], got ${shown(x)}`);
  if (x[x.length - 1]! % 2 !== 0) {
    throw new RangeError(
      `rope: D must be even, because features are rotated in pairs; got x ${shown(x)} with D = ${x[x.length - 1]}`,
    );
  }
  if (x[x.length - 2] !== T) {
    throw new RangeError(
      `rope: needs one position per token, got positions [${T}] for x ${shown(x)} with T = ${x[x.length - 2]}`,
    );
  }
}

/** @throws RangeError when the frequencies are not D/2 finite numbers, the factor is not finite, or a base is given too. */
function rotationOf(D: number, options: Omit<RopeOptions, 'path'>): Rotation {
  const { base, inverseFrequencies, attentionFactor = 1 } = options;
  if (!Number.isFinite(attentionFactor)) {
    throw new RangeError(`rope: attentionFactor must be a finite number, got ${attentionFactor}`);
  }
  if (!inverseFrequencies) return { frequencies: ropeFrequencies(D, base), factor: attentionFactor };
  if (base !== undefined) throw new RangeError('rope: give either base or inverseFrequencies, not both');
  const frequencies = Float64Array.from(inverseFrequencies);
  if (frequencies.length !== D / 2 || !frequencies.every(Number.isFinite)) {
    throw new RangeError(
      `rope: inverseFrequencies must be D/2 = ${D / 2} finite numbers, got ${frequencies.length}: [${frequencies.slice(0, 4)}...]`,
    );
  }
  return { frequencies, factor: attentionFactor };
}

/** The same from tfjs operations, for every backend; `direction` -1 rotates back. */
function composed(x: tf.Tensor, table: tf.Tensor, layout: RopeLayout, direction: 1 | -1): tf.Tensor {
  return withGradient([x], () => {
    const [T, half] = table.shape as [number, number];
    const pairs = layout === 'interleaved' ? [-1, T, half, 2] : [-1, T, 2, half];
    const axis = layout === 'interleaved' ? 3 : 2;
    const [cos, sin] = tf.unstack(table, 2) as [tf.Tensor, tf.Tensor];
    const signed = direction === 1 ? sin : tf.neg(sin);
    const [a, b] = tf.unstack(tf.reshape(x, pairs), axis) as [tf.Tensor, tf.Tensor];
    const first = tf.sub(tf.mul(a, cos), tf.mul(b, signed));
    const second = tf.add(tf.mul(a, signed), tf.mul(b, cos));
    return {
      value: tf.reshape(tf.stack([first, second], axis), x.shape),
      gradient: (dy) => [composed(dy, table, layout, direction === 1 ? -1 : 1)],
    };
  });
}

/** RoPE in float64 with plain loops; x [...,T,D]. */
export function ropeOracle(
  x: NdArray,
  positions: Positions,
  options: Omit<RopeOptions, 'path'> = {},
): NdArray {
  return rotate(x, positions, options, 1);
}

/** Gradient of sum(dy * rope(x)) with respect to x: the rotation by the negative angles. */
export function ropeGradientOracle(
  dy: NdArray,
  positions: Positions,
  options: Omit<RopeOptions, 'path'> = {},
): NdArray {
  return rotate(dy, positions, options, -1);
}

function rotate(
  x: NdArray,
  positions: Positions,
  options: Omit<RopeOptions, 'path'>,
  direction: 1 | -1,
): NdArray {
  const { layout = 'interleaved' } = options;
  const T = positionValues(positions).length;
  checkShapes(x.shape, T, layout);
  const D = x.shape[x.shape.length - 1]!;
  const { frequencies, factor } = rotationOf(D, options);
  const angles = anglesOf(positions, frequencies);
  const y = ndarray(x.shape);
  for (let row = 0; row * D < x.data.length; row++) {
    for (let i = 0; i < D / 2; i++) {
      const angle = direction * angles[(row % T) * (D / 2) + i]!;
      const first = row * D + (layout === 'interleaved' ? 2 * i : i);
      const second = layout === 'interleaved' ? first + 1 : first + D / 2;
      const [a, b] = [x.data[first]!, x.data[second]!];
      y.data[first] = factor * (a * Math.cos(angle) - b * Math.sin(angle));
      y.data[second] = factor * (a * Math.sin(angle) + b * Math.cos(angle));
    }
  }
  return y;
}
