/**
 * Error bounds of attention and its gradients, valid for the composed and the tiled form, whatever the order of sums.
 *
 * A score carries the error of its dot product; what the weights make of it is in `softmax.ts`. The backward pass of
 * the tiled form recomputes the scores, so there the errors of numerator and denominator do not cancel.
 */

import { type NdArray, ndarray } from '../../../compute/ndarray.js';
import { broadcastStrides } from '../../../compute/shapes.js';
import { type AttentionRule, attentionSetup, visible } from '../../../layers/attention/options.js';
import {
  add,
  type Bounded,
  exact,
  matmul,
  multiply,
  permute,
  reshape,
  rounded,
  scaleBy,
  subtract,
  sumLast,
  transposeLast,
} from '../running-error.js';
import { softmaxRow } from './softmax.js';

export interface AttentionErrors {
  out: Bounded;
  /** Present when a cotangent was given. */
  q?: Bounded;
  k?: Bounded;
  v?: Bounded;
}

/** Keys per tile of the fused kernels are at least this many. */
const smallestTile = 8;

/** @param kept what the backward pass has of the output, which half precision rounds */
export function attentionErrors(
  q: Bounded,
  k: Bounded,
  v: Bounded,
  dout: Bounded | undefined,
  rule: AttentionRule & { mask?: NdArray; bias?: NdArray },
  kept = (out: Bounded) => out,
): AttentionErrors {
  const setup = attentionSetup(q.value.shape, k.value.shape, v.value.shape, rule);
  const { B, H, K, T, S, D, scale } = setup;
  const keys = repeatHeads(k, H);
  const values = repeatHeads(v, H);
  let scores = scaleBy(matmul(q, transposeLast(keys)), scale);
  if (setup.slopes) scores = subtract(scores, alibi(setup.slopes));
  // A key that the bias hides has weight 0 whatever the (infinite) score is.
  if (rule.bias) scores = add(scores, exact(rule.bias));
  const { forward, backward } = weights(scores);
  const out = matmul(forward, values);
  if (!dout) return { out };

  const dp = matmul(dout, transposeLast(values));
  const along = worseOf(sumLast(multiply(dout, kept(out))), sumLast(multiply(forward, dp)));
  const ds = multiply(backward, subtract(dp, along));
  return {
    out,
    q: scaleBy(matmul(ds, keys), scale),
    k: sumGroups(scaleBy(matmul(transposeLast(ds), q), scale)),
    v: sumGroups(matmul(transposeLast(backward), dout)),
  };

  function alibi(slopes: readonly number[]): Bounded {
    const distances = ndarray([H, T, S]);
    for (let n = 0; n < distances.data.length; n++) {
      const [h, i, j] = [Math.floor(n / (T * S)), Math.floor(n / S) % T, n % S];
      distances.data[n] = slopes[h]! * Math.abs(i + (S - T) - j);
    }
    // The slope and its product with the distance are each rounded.
    return scaleBy(rounded(distances), 1);
  }

  function weights(logits: Bounded): { forward: Bounded; backward: Bounded } {
    const forward = exact(ndarray([B, H, T, S]));
    const error = ndarray([B, H, T, S]);
    const strides = rule.mask && broadcastStrides(rule.mask.shape, [B, H, T, S])!;
    const tiles = Math.ceil(S / smallestTile);
    for (let row = 0; row < B * H * T; row++) {
      const [b, h, i] = [Math.floor(row / (H * T)), Math.floor(row / T) % H, row % T];
      const seen: number[] = [];
      for (let j = 0; j < S; j++) {
        const masked = strides
          ? rule.mask!.data[b * strides[0]! + h * strides[1]! + i * strides[2]! + j * strides[3]!] === 0
          : false;
        const hidden = logits.value.data[row * S + j] === Number.NEGATIVE_INFINITY;
        if (visible(setup, i, j) && !masked && !hidden) seen.push(j);
      }
      softmaxRow(logits, row * S, seen, tiles, forward, error);
    }
    return { forward, backward: { value: forward.value, error } };
  }

  /** [B,K,...] -> [B,H,...]: query head h reads head floor(h K / H). */
  function repeatHeads(a: Bounded, heads: number): Bounded {
    const size = S * D;
    const repeat = (from: NdArray) => {
      const to = ndarray([B, heads, S, D]);
      for (let n = 0; n < B * heads; n++) {
        const source = Math.floor(n / heads) * K + Math.floor(((n % heads) * K) / heads);
        to.data.set(from.data.subarray(source * size, (source + 1) * size), n * size);
      }
      return to;
    };
    return { value: repeat(a.value), error: repeat(a.error) };
  }

  /** [B,H,S,D] -> [B,K,S,D]: the heads of a group add up. */
  function sumGroups(a: Bounded): Bounded {
    const grouped = permute(reshape(a, [B, K, H / K, S * D]), [0, 1, 3, 2]);
    return reshape(sumLast(grouped), [B, K, S, D]);
  }
}

function worseOf(a: Bounded, b: Bounded): Bounded {
  return {
    value: a.value,
    error: { shape: a.error.shape, data: a.error.data.map((e, n) => Math.max(e, b.error.data[n]!)) },
  };
}
