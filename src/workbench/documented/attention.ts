/**
 * What the source documents' listings of attention really compute, taken literally, for notebooks that execute the
 * mistake beside `attention`. Float64, plain loops. Each function names its erratum.
 */

import { type NdArray, ndarray } from '../../compute/ndarray.js';
import { shown } from '../../compute/shapes.js';
import { type AttentionOracleOptions, attentionOracle } from '../../layers/attention/attention-oracle.js';

/**
 * E49: heads split by view(B,H,-1,D) and a transpose. The memory is cut in the wrong order, and attention then runs
 * over the H rows of each slice instead of over the tokens; the output shape is right all the same.
 * @param q,k,v [B,T,C] after projection
 * @returns the output [B,T,C] and the weights [B,T,H,H], where [B,H,T,T] is expected
 * @throws RangeError when C is not a multiple of H (E47: Python would go on with a fractional head dim)
 */
export function scrambledHeads(
  q: NdArray,
  k: NdArray,
  v: NdArray,
  H: number,
): { out: NdArray; weights: NdArray } {
  const [B, T, C] = q.shape as [number, number, number];
  const D = C / H;
  if (!Number.isInteger(D)) {
    throw new RangeError(
      `scrambledHeads: C = ${C} of q ${shown(q.shape)} is not a multiple of ${H} heads (D = ${D})`,
    );
  }
  const out = ndarray([B, T, C]);
  const weights = ndarray([B, T, H, H]);
  for (let b = 0; b < B; b++) {
    for (let t = 0; t < T; t++) {
      const start = (h: number) => b * T * C + (h * T + t) * D;
      for (let h = 0; h < H; h++) {
        const scores = Array.from(
          { length: H },
          (_, g) => dot(q.data, start(h), k.data, start(g), D) / Math.sqrt(D),
        );
        softmax(scores).forEach((p, g) => {
          weights.data[((b * T + t) * H + h) * H + g] = p;
          for (let d = 0; d < D; d++) out.data[start(h) + d]! += p * v.data[start(g) + d]!;
        });
      }
    }
  }
  return { out, weights };
}

/** E09: key/value heads tiled (head h reads h mod K) instead of repeated in groups. Shapes as `attention`. */
export function tiledGroupedAttention(
  q: NdArray,
  k: NdArray,
  v: NdArray,
  options: AttentionOracleOptions = {},
): NdArray {
  const [, H] = q.shape as [number, number];
  return attentionOracle(q, tileHeads(k, H), tileHeads(v, H), options);
}

function tileHeads(a: NdArray, H: number): NdArray {
  const [B, K, S, D] = a.shape as [number, number, number, number];
  const size = S * D;
  const tiled = ndarray([B, H, S, D]);
  for (let n = 0; n < B * H; n++) {
    const source = Math.floor(n / H) * K + ((n % H) % K);
    tiled.data.set(a.data.subarray(source * size, (source + 1) * size), n * size);
  }
  return tiled;
}

/**
 * E98: blocks of [B,T,H,D] multiplied as they lie, which attends over the H heads of the tokens at the same offset of
 * every block, and adds the blocks up.
 * @throws RangeError when the block does not divide T
 */
export function headAxisBlockAttention(q: NdArray, k: NdArray, v: NdArray, block: number): NdArray {
  const [B, T, H, D] = q.shape as [number, number, number, number];
  if (T % block !== 0) {
    throw new RangeError(
      `headAxisBlockAttention: blocks of ${block} do not divide T = ${T} of q ${shown(q.shape)}`,
    );
  }
  const out = ndarray(q.shape);
  for (let n = 0; n < B * T * H; n++) {
    const [b, i] = [Math.floor(n / (T * H)), Math.floor(n / H) % T];
    for (let j = i % block; j < T; j += block) {
      const heads = (b * T + j) * H;
      const scores = Array.from(
        { length: H },
        (_, g) => dot(q.data, n * D, k.data, (heads + g) * D, D) / Math.sqrt(D),
      );
      softmax(scores).forEach((p, g) => {
        for (let d = 0; d < D; d++) out.data[n * D + d]! += p * v.data[(heads + g) * D + d]!;
      });
    }
  }
  return out;
}

/**
 * E99: a softmax of its own for every block of keys, and the blocks' outputs added up: a row's weights sum to the
 * number of blocks. Shapes as `attention`.
 */
export function independentBlockAttention(q: NdArray, k: NdArray, v: NdArray, block: number): NdArray {
  const [B, K, S, D] = k.shape as [number, number, number, number];
  const out = ndarray(q.shape);
  for (let first = 0; first < S; first += block) {
    const count = Math.min(block, S - first);
    const cut = (a: NdArray) => {
      const part = ndarray([B, K, count, D]);
      for (let head = 0; head < B * K; head++) {
        const start = (head * S + first) * D;
        part.data.set(a.data.subarray(start, start + count * D), head * count * D);
      }
      return part;
    };
    attentionOracle(q, cut(k), cut(v)).data.forEach((value, n) => {
      out.data[n]! += value;
    });
  }
  return out;
}

function softmax(scores: readonly number[]): number[] {
  const largest = Math.max(...scores);
  const exponentials = scores.map((score) => Math.exp(score - largest));
  const total = exponentials.reduce((sum, value) => sum + value, 0);
  return exponentials.map((value) => value / total);
}

function dot(a: Float64Array, aStart: number, b: Float64Array, bStart: number, n: number): number {
  let sum = 0;
  for (let d = 0; d < n; d++) sum += a[aStart + d]! * b[bStart + d]!;
  return sum;
}
