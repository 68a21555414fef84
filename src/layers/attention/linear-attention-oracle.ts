/** Linear attention in float64 with plain loops over pairs of a query and a key, forward and gradient. */
import { type NdArray, ndarray } from '../../compute/ndarray.js';
import { ropeGradientOracle, ropeOracle } from '../position/rope.js';
import type { LinearAttentionOptions } from './linear-attention.js';

export type LinearAttentionOracleOptions = Omit<LinearAttentionOptions, 'form'>;

/** q, k [B,H,T,D], v [B,H,T,D'] -> [B,H,T,D']. */
export function linearAttentionOracle(
  q: NdArray,
  k: NdArray,
  v: NdArray,
  options: LinearAttentionOracleOptions = {},
): NdArray {
  const pairs = new Pairs(q, k, v, options);
  const out = ndarray(v.shape);
  const E = pairs.E;
  pairs.forEach((i, j, weight, total) => {
    for (let e = 0; e < E; e++) out.data[i * E + e]! += (weight / total) * v.data[j * E + e]!;
  });
  return out;
}

/**
 * Gradients of sum(dy * linearAttention(q, k, v)). With n_i the sum of the unrotated weights and out_i the result,
 * dw_ij = dy_i . v_j / n_i, and dn_i = -dy_i . out_i / n_i goes to every unrotated weight of the query.
 */
export function linearAttentionGradientOracle(
  q: NdArray,
  k: NdArray,
  v: NdArray,
  dy: NdArray,
  options: LinearAttentionOracleOptions = {},
): { q: NdArray; k: NdArray; v: NdArray } {
  const pairs = new Pairs(q, k, v, options);
  const { D, E, phiQ, phiK, turnedQ, turnedK } = pairs;
  const out = linearAttentionOracle(q, k, v, options);
  const dv = ndarray(v.shape);
  const [dPhiQ, dPhiK, dTurnedQ, dTurnedK] = [q, k, q, k].map((x) => ndarray(x.shape)) as [
    NdArray,
    NdArray,
    NdArray,
    NdArray,
  ];
  pairs.forEach((i, j, weight, total) => {
    let [dWeight, dTotal] = [0, 0];
    for (let e = 0; e < E; e++) {
      const upstream = dy.data[i * E + e]!;
      dWeight += (upstream * v.data[j * E + e]!) / total;
      dTotal -= (upstream * out.data[i * E + e]!) / total;
      dv.data[j * E + e]! += (upstream * weight) / total;
    }
    for (let d = 0; d < D; d++) {
      dTurnedQ.data[i * D + d]! += dWeight * turnedK.data[j * D + d]!;
      dTurnedK.data[j * D + d]! += dWeight * turnedQ.data[i * D + d]!;
      dPhiQ.data[i * D + d]! += dTotal * phiK.data[j * D + d]!;
      dPhiK.data[j * D + d]! += dTotal * phiQ.data[i * D + d]!;
    }
  });
  const back = (x: NdArray, direct: NdArray, turned: NdArray) => {
    const { rotation } = pairs;
    const straight = rotation ? ropeGradientOracle(turned, rotation.positions, rotation) : turned;
    const slope = (value: number) => (value > 0 ? 1 : Math.exp(value));
    return ndarray(
      x.shape,
      x.data.map((value, n) => slope(value) * (direct.data[n]! + straight.data[n]!)),
    );
  };
  return { q: back(q, dPhiQ, dTurnedQ), k: back(k, dPhiK, dTurnedK), v: dv };
}

/** The features and, for every visible pair of tokens of a head, the weight and the query's sum of weights. */
class Pairs {
  readonly D: number;
  readonly E: number;
  readonly phiQ: NdArray;
  readonly phiK: NdArray;
  readonly turnedQ: NdArray;
  readonly turnedK: NdArray;
  readonly rotation:
    | (NonNullable<LinearAttentionOptions['rope']> & { positions: ArrayLike<number> })
    | undefined;
  private readonly T: number;
  private readonly causal: boolean;

  constructor(q: NdArray, k: NdArray, v: NdArray, { causal = true, rope }: LinearAttentionOracleOptions) {
    this.T = q.shape[2]!;
    this.D = q.shape[3]!;
    this.E = v.shape[3]!;
    this.causal = causal;
    const counting = Float64Array.from({ length: this.T }, (_, t) => t);
    this.rotation = rope && { ...rope, positions: (rope.positions as Float64Array | undefined) ?? counting };
    const phi = (x: NdArray) =>
      ndarray(
        x.shape,
        x.data.map((value) => (value > 0 ? value + 1 : Math.exp(value))),
      );
    [this.phiQ, this.phiK] = [phi(q), phi(k)];
    const turn = (x: NdArray) => (this.rotation ? ropeOracle(x, this.rotation.positions, this.rotation) : x);
    [this.turnedQ, this.turnedK] = [turn(this.phiQ), turn(this.phiK)];
  }

  /** `i` and `j` are the tokens' places in [B,H,T]. */
  forEach(visit: (i: number, j: number, weight: number, total: number) => void): void {
    const tokens = this.D === 0 ? 0 : this.phiQ.data.length / this.D;
    for (let i = 0; i < tokens; i++) {
      const first = i - (i % this.T);
      const end = this.causal ? i + 1 : first + this.T;
      let total = 0;
      for (let j = first; j < end; j++) total += this.dot(this.phiQ, i, this.phiK, j);
      for (let j = first; j < end; j++) visit(i, j, this.dot(this.turnedQ, i, this.turnedK, j), total);
    }
  }

  private dot(a: NdArray, i: number, b: NdArray, j: number): number {
    let sum = 0;
    for (let d = 0; d < this.D; d++) sum += a.data[i * this.D + d]! * b.data[j * this.D + d]!;
    return sum;
  }
}
