/**
 * Scaled dot-product attention (Vaswani et al. 2017, arXiv:1706.03762) with grouped key/value heads (Ainslie et al.
 * 2023, arXiv:2305.13245), forward and backward, in float64 with plain loops over one query row at a time.
 */
import { type NdArray, ndarray } from '../../compute/ndarray.js';
import { broadcastStrides, shown } from '../../compute/shapes.js';
import { type AttentionRule, type AttentionSetup, attentionSetup, visible } from './options.js';

export interface AttentionOracleOptions extends AttentionRule {
  /** Broadcastable to [B,H,T,S]; non-zero = may attend. */
  mask?: NdArray;
  /** Broadcastable to [B,H,T,S]; added to the scaled logits. */
  bias?: NdArray;
}

/**
 * q [B,H,T,D], k and v [B,K,S,D] -> [B,H,T,D]. Query head h reads key/value head floor(h K / H). A row with nothing
 * to attend to gives 0.
 */
export function attentionOracle(
  q: NdArray,
  k: NdArray,
  v: NdArray,
  options: AttentionOracleOptions = {},
): NdArray {
  const rows = new Rows(q, k, v, options);
  const out = ndarray(q.shape);
  const { D } = rows.setup;
  rows.forEach((row) => {
    row.keys.forEach((j, n) => {
      for (let d = 0; d < D; d++) out.data[row.query + d]! += row.weights[n]! * v.data[row.key + j * D + d]!;
    });
  });
  return out;
}

/** The attention weights [B,H,T,S] themselves: what the fused kernels never store. */
export function attentionWeightsOracle(
  q: NdArray,
  k: NdArray,
  options: AttentionOracleOptions = {},
): NdArray {
  const rows = new Rows(q, k, k, options);
  const { B, H, T, S } = rows.setup;
  const weights = ndarray([B, H, T, S]);
  rows.forEach((row) => {
    row.keys.forEach((j, n) => {
      weights.data[row.scores + j] = row.weights[n]!;
    });
  });
  return weights;
}

/**
 * Gradients of sum(dy * attention(q, k, v)): with p the weights and dp_j = dy . v_j,
 * ds_j = p_j (dp_j - sum_l p_l dp_l), dq = scale sum_j ds_j k_j, dk_j = scale sum_i ds_j q_i, dv_j = sum_i p_j dy_i.
 */
export function attentionGradientOracle(
  q: NdArray,
  k: NdArray,
  v: NdArray,
  dy: NdArray,
  options: AttentionOracleOptions = {},
): { q: NdArray; k: NdArray; v: NdArray } {
  const rows = new Rows(q, k, v, options);
  const { D, scale } = rows.setup;
  const [dq, dk, dv] = [ndarray(q.shape), ndarray(k.shape), ndarray(v.shape)];
  rows.forEach((row) => {
    const dp = row.keys.map((j) => dot(dy.data, row.query, v.data, row.key + j * D, D));
    const along = dp.reduce((sum, value, n) => sum + value * row.weights[n]!, 0);
    row.keys.forEach((j, n) => {
      const p = row.weights[n]!;
      const ds = p * (dp[n]! - along);
      const at = row.key + j * D;
      for (let d = 0; d < D; d++) {
        dq.data[row.query + d]! += scale * ds * k.data[at + d]!;
        dk.data[at + d]! += scale * ds * q.data[row.query + d]!;
        dv.data[at + d]! += p * dy.data[row.query + d]!;
      }
    });
  });
  return { q: dq, k: dk, v: dv };
}

/** One query row: where it starts in q, where its key/value head starts in k, the keys it sees and their weights. */
interface Row {
  query: number;
  key: number;
  /** Start of the row in a [B,H,T,S] array. */
  scores: number;
  keys: number[];
  weights: number[];
}

class Rows {
  readonly setup: AttentionSetup;
  private readonly maskStrides: readonly number[] | undefined;
  private readonly biasStrides: readonly number[] | undefined;

  constructor(
    private readonly q: NdArray,
    private readonly k: NdArray,
    v: NdArray,
    private readonly options: AttentionOracleOptions,
  ) {
    this.setup = attentionSetup(q.shape, k.shape, v.shape, options);
    this.maskStrides = this.stridesOf('mask', options.mask);
    this.biasStrides = this.stridesOf('bias', options.bias);
  }

  forEach(visit: (row: Row) => void): void {
    const { B, H, K, T, S, D } = this.setup;
    for (let b = 0; b < B; b++) {
      for (let h = 0; h < H; h++) {
        const key = (b * K + Math.floor((h * K) / H)) * S * D;
        for (let i = 0; i < T; i++) {
          const query = ((b * H + h) * T + i) * D;
          const { keys, weights } = this.softmaxRow(b, h, i, query, key);
          visit({ query, key, scores: ((b * H + h) * T + i) * S, keys, weights });
        }
      }
    }
  }

  private softmaxRow(b: number, h: number, i: number, query: number, key: number) {
    const { T, S, D, scale, slopes } = this.setup;
    const { mask, bias } = this.options;
    const keys: number[] = [];
    const logits: number[] = [];
    for (let j = 0; j < S; j++) {
      if (!visible(this.setup, i, j)) continue;
      if (mask && mask.data[at(this.maskStrides!, b, h, i, j)] === 0) continue;
      const added = bias ? bias.data[at(this.biasStrides!, b, h, i, j)]! : 0;
      if (added === Number.NEGATIVE_INFINITY) continue;
      const distance = Math.abs(i + (S - T) - j);
      keys.push(j);
      logits.push(
        scale * dot(this.q.data, query, this.k.data, key + j * D, D) - (slopes?.[h] ?? 0) * distance + added,
      );
    }
    let largest = Number.NEGATIVE_INFINITY;
    for (const logit of logits) largest = Math.max(largest, logit);
    const exponentials = logits.map((logit) => Math.exp(logit - largest));
    let total = 0;
    for (const value of exponentials) total += value;
    return { keys, weights: exponentials.map((value) => value / total) };
  }

  private stridesOf(name: string, array: NdArray | undefined): number[] | undefined {
    if (!array) return undefined;
    const { B, H, T, S } = this.setup;
    const strides = broadcastStrides(array.shape, [B, H, T, S]);
    if (strides) return strides;
    throw new RangeError(
      `attention: ${name} ${shown(array.shape)} does not broadcast to [B,H,T,S] = ${shown([B, H, T, S])}`,
    );
  }
}

function at(strides: readonly number[], b: number, h: number, i: number, j: number): number {
  return b * strides[0]! + h * strides[1]! + i * strides[2]! + j * strides[3]!;
}

function dot(a: Float64Array, aStart: number, b: Float64Array, bStart: number, n: number): number {
  let sum = 0;
  for (let d = 0; d < n; d++) sum += a[aStart + d]! * b[bStart + d]!;
  return sum;
}
