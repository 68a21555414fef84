/** FlashAttention on half tensors, forward and backward: grouped heads, windows, ALiBi, masks, decode steps, large logits, odd head dims. */

import type { HalfTensor } from '../../src/compute/half/index.js';
import { type NdArray, ndarray } from '../../src/compute/ndarray.js';
import { fromNdArray } from '../../src/compute/read.js';
import {
  type AttentionRule,
  attention,
  attentionGradientOracle,
  attentionOracle,
} from '../../src/layers/attention/index.js';
import { attentionErrors } from '../../src/workbench/golden/bounds/attention.js';
import { halfRoundoff, roundedToHalf } from '../../src/workbench/golden/bounds/half.js';
import { type Bounded, exact } from '../../src/workbench/golden/running-error.js';
import { type CheckedPath, cutOff, gradientsAt, type HalfCheck, halfFrom, halfNormal } from './check.js';

type Axes = Record<'B' | 'H' | 'K' | 'T' | 'S' | 'D', number>;

export function attentionChecks(path: CheckedPath, subgroupMatrix: boolean): (() => HalfCheck)[] {
  const one = (
    axes: Axes,
    rule: AttentionRule & { mask?: NdArray } = {},
    { spread = 1, gradient = false } = {},
  ): HalfCheck => {
    const { B, H, K, T, S, D } = axes;
    const q = halfNormal([B, H, T, D], 6, spread);
    const k = halfNormal([B, K, S, D], 7);
    const v = halfNormal([B, K, S, D], 8);
    const dout = halfNormal([B, H, T, D], 9);
    const { mask, ...rest } = rule;
    const sizes = Object.entries(axes).map(([axis, extent]) => `${axis} ${extent}`);
    const rules = Object.entries(rest).map(([key, value]) => (value === true ? key : `${key} ${value}`));
    // Few queries divide the keys, in pieces that a second kernel joins, and take no matrix units.
    const decode = axes.T <= 8;
    const matrices = subgroupMatrix && D <= 128 && !decode;
    const written = ({ value, error }: Bounded): Bounded => ({
      value,
      error: matrices ? withHalfWeights(error, q, k, v, rule) : error,
    });
    const bounds = attentionErrors(
      exact(q),
      exact(k),
      exact(v),
      gradient ? exact(dout) : undefined,
      rule,
      (out) => roundedToHalf(written(out)),
    );
    const attend = (...[queries, keys, values]: HalfTensor[]) => {
      const tensor = mask && { mask: fromNdArray(mask, 'bool') };
      return attention(queries!, keys!, values!, { ...rest, ...tensor, subgroupMatrix, path });
    };
    const forward = decode
      ? `attention.decode.f16${axes.S > 64 ? ', attention.merge.f16' : ''}`
      : `attention.forward.f16${matrices ? '.subgroupMatrix' : ''}`;
    const backward = gradient ? ', attention.queryGradient.f16, attention.keyGradient.f16' : '';
    const check = {
      name: [
        gradient ? 'attention gradients' : 'attention',
        ...sizes,
        ...rules,
        ...(mask ? ['mask'] : []),
        ...(spread === 1 ? [] : [`|q| ~ ${spread}`]),
      ].join(', '),
      kernel: path === 'fused' ? forward + backward : '',
    };
    if (!gradient) {
      const { error } = written(bounds.out);
      const expected = { value: attentionOracle(q, k, v, rule), error };
      return { ...check, expected, run: () => attend(halfFrom(q), halfFrom(k), halfFrom(v)) };
    }
    const exactly = attentionGradientOracle(q, k, v, dout, rule);
    const expected = (['q', 'k', 'v'] as const).map((input) => {
      const { shape, data } = bounds[input]!.error;
      // The scores behind (m, 1/l) may be off by more on matrix units.
      return { value: exactly[input], error: ndarray(shape, matrices ? data.map((e) => cutOff * e) : data) };
    });
    return { ...check, expected, run: () => gradientsAt(attend, [q, k, v], dout) };
  };
  const mask = ndarray(
    [1, 20, 37],
    Array.from({ length: 20 * 37 }, (_, n) => (n % 3 === 0 || n < 37 ? 0 : 1)),
  );
  return [
    // Few head dims and kinds of masks: software Vulkan compiles each kernel for seconds.
    () => one({ B: 1, H: 1, K: 1, T: 1, S: 1, D: 16 }, { causal: true }),
    () => one({ B: 2, H: 4, K: 2, T: 33, S: 65, D: 16 }, { causal: true }),
    () => one({ B: 1, H: 3, K: 1, T: 1, S: 150, D: 16 }, { causal: true }),
    () => one({ B: 1, H: 2, K: 2, T: 70, S: 70, D: 16 }, { causal: true, window: 9 }),
    () => one({ B: 1, H: 1, K: 1, T: 70, S: 40, D: 16 }, { causal: true }),
    () => one({ B: 1, H: 2, K: 2, T: 40, S: 40, D: 16 }, { scale: 0.3 }, { spread: 30 }),
    () => one({ B: 1, H: 6, K: 3, T: 20, S: 20, D: 16 }, { causal: true, alibi: true }),
    () => one({ B: 1, H: 2, K: 1, T: 20, S: 37, D: 9 }, { mask }),
    () => one({ B: 1, H: 1, K: 1, T: 40, S: 40, D: 40 }, { causal: true }),
    () => one({ B: 1, H: 1, K: 1, T: 9, S: 10, D: 160 }, { causal: true }),
    () => one({ B: 2, H: 4, K: 2, T: 33, S: 65, D: 16 }, { causal: true }, { gradient: true }),
    () => one({ B: 1, H: 3, K: 1, T: 1, S: 150, D: 16 }, { causal: true }, { gradient: true }),
    () => one({ B: 1, H: 2, K: 2, T: 70, S: 40, D: 16 }, { causal: true, window: 9 }, { gradient: true }),
    () => one({ B: 1, H: 2, K: 2, T: 40, S: 40, D: 16 }, { scale: 0.3 }, { spread: 8, gradient: true }),
    () => one({ B: 1, H: 2, K: 1, T: 20, S: 37, D: 9 }, { mask, alibi: true }, { gradient: true }),
    () => one({ B: 1, H: 1, K: 1, T: 9, S: 10, D: 160 }, { causal: true }, { gradient: true }),
  ];
}

/**
 * The kernel of the matrix units rounds each e^(s - m) to half precision: by 2^-11 of itself or by 2^-25, where the largest
 * of a row is 1, so that their sum is no less than 1. What that makes of the output adds up over the values.
 */
function withHalfWeights(
  error: NdArray,
  q: NdArray,
  k: NdArray,
  v: NdArray,
  rule: AttentionRule & { mask?: NdArray },
): NdArray {
  const magnitudes = ndarray(v.shape, v.data.map(Math.abs));
  const weighted = attentionOracle(q, k, magnitudes, rule);
  const [B, K, S, D] = v.shape as [number, number, number, number];
  const sums = ndarray([B, K, D]);
  magnitudes.data.forEach((x, n) => {
    sums.data[Math.floor(n / (S * D)) * D + (n % D)]! += x;
  });
  const [, H, T] = q.shape as [number, number, number, number];
  const data = error.data.map((e, n) => {
    const head = Math.floor(n / (T * D));
    const group = Math.floor(head / H) * K + Math.floor(((head % H) * K) / H);
    return cutOff * e + halfRoundoff * weighted.data[n]! + 2 ** -25 * sums.data[group * D + (n % D)]!;
  });
  return ndarray(error.shape, data);
}
