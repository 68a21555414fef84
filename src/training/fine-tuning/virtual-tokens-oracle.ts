/** Prompts, prefixes and their encoders in float64 with plain loops; they share no code with what they check. */
import { type NdArray, ndarray, sizeOf } from '../../compute/ndarray.js';
import { linearOracle } from './low-rank-oracle.js';

/** The prompt [P,C] in front of every sequence of embedded [B,T,C]. */
export function withPromptOracle(prompt: NdArray, embedded: NdArray): NdArray {
  const [P, C] = prompt.shape as [number, number];
  const [B, T] = embedded.shape as [number, number, number];
  const out = ndarray([B, P + T, C]);
  out.data.forEach((_, n) => {
    const [b, t, c] = [Math.floor(n / ((P + T) * C)), Math.floor(n / C) % (P + T), n % C];
    out.data[n] = t < P ? prompt.data[t * C + c]! : embedded.data[(b * T + t - P) * C + c]!;
  });
  return out;
}

/** Keys or values of a prefix [K,P,D] in front of k [B,K,S,D]: [B,K,P+S,D]. */
export function withPrefixOracle(prefix: NdArray, k: NdArray): NdArray {
  const [K, P, D] = prefix.shape as [number, number, number];
  const [B, , S] = k.shape as [number, number, number];
  const out = ndarray([B, K, P + S, D]);
  out.data.forEach((_, n) => {
    const [head, s, d] = [Math.floor(n / ((P + S) * D)), Math.floor(n / D) % (P + S), n % D];
    out.data[n] = s < P ? prefix.data[((head % K) * P + s) * D + d]! : k.data[(head * S + s - P) * D + d]!;
  });
  return out;
}

/** Keys (0) or values (1) [L,B,K,P,D] out of a prefix [P, L 2 K D]. */
export function prefixKeysValuesOracle(
  prefix: NdArray,
  which: 0 | 1,
  { layers: L, heads: K, batch: B }: { layers: number; heads: number; batch: number },
): NdArray {
  const [P, width] = prefix.shape as [number, number];
  const D = width / (2 * L * K);
  const out = ndarray([L, B, K, P, D]);
  out.data.forEach((_, n) => {
    const [d, p, h] = [n % D, Math.floor(n / D) % P, Math.floor(n / (D * P)) % K];
    const layer = Math.floor(n / (D * P * K * B));
    out.data[n] = prefix.data[p * width + ((2 * layer + which) * K + h) * D + d]!;
  });
  return out;
}

/** Linear layers with `between` from one to the next. */
export function mlpOracle(
  x: NdArray,
  layers: readonly { w: NdArray; b: NdArray }[],
  between: (value: number) => number,
): NdArray {
  return layers.reduce((input, { w, b }, n) => {
    const given = n === 0 ? input : ndarray(input.shape, input.data.map(between));
    return linearOracle(given, w, b);
  }, x);
}

export interface LstmArrays {
  wInput: NdArray;
  wHidden: NdArray;
  bInput: NdArray;
  bHidden: NdArray;
}

/** x [T,C] -> [T, 2 H], layer by layer; gates i, f, g, o. */
export function bidirectionalLstmOracle(
  x: NdArray,
  layers: readonly { forward: LstmArrays; backward: LstmArrays }[],
): NdArray {
  return layers.reduce((input, { forward, backward }) => {
    const T = input.shape[0]!;
    const H = forward.wHidden.shape[1]!;
    const out = ndarray([T, 2 * H]);
    for (const [side, weights] of [forward, backward].entries()) {
      let [h, c] = [new Float64Array(H), new Float64Array(H)];
      for (let step = 0; step < T; step++) {
        const t = side === 0 ? step : T - 1 - step;
        [h, c] = lstmStep(rowOf(input, t), h, c, weights);
        out.data.set(h, (2 * t + side) * H);
      }
    }
    return out;
  }, x);
}

function rowOf(x: NdArray, row: number): Float64Array {
  const width = sizeOf(x.shape.slice(1));
  return x.data.subarray(row * width, (row + 1) * width);
}

function lstmStep(
  x: Float64Array,
  h: Float64Array,
  c: Float64Array,
  { wInput, wHidden, bInput, bHidden }: LstmArrays,
): [h: Float64Array<ArrayBuffer>, c: Float64Array<ArrayBuffer>] {
  const H = h.length;
  const gate = (row: number) => {
    let sum = bInput.data[row]! + bHidden.data[row]!;
    rowOf(wInput, row).forEach((w, n) => {
      sum += w * x[n]!;
    });
    rowOf(wHidden, row).forEach((w, n) => {
      sum += w * h[n]!;
    });
    return sum;
  };
  const sigmoid = (value: number) => 1 / (1 + Math.exp(-value));
  const next: [Float64Array<ArrayBuffer>, Float64Array<ArrayBuffer>] = [
    new Float64Array(H),
    new Float64Array(H),
  ];
  for (let n = 0; n < H; n++) {
    next[1][n] = sigmoid(gate(H + n)) * c[n]! + sigmoid(gate(n)) * Math.tanh(gate(2 * H + n));
    next[0][n] = sigmoid(gate(3 * H + n)) * Math.tanh(next[1][n]!);
  }
  return next;
}
