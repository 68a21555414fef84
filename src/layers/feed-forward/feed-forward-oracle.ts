/** Feed-forward layers in float64 with plain loops over one token at a time, forward and gradient. */

import { type NdArray, ndarray } from '../../compute/ndarray.js';
import { scalarActivation } from '../activation/activation-oracle.js';
import type { ActivationKind } from '../activation/kinds.js';

export interface FeedForwardArrays {
  w1: NdArray;
  b1?: NdArray;
  w2: NdArray;
  b2?: NdArray;
}

/** f(x W1^T + b1) W2^T + b2; x [..., C], w1 [F,C], w2 [C,F]. */
export function feedForwardOracle(
  x: NdArray,
  { w1, b1, w2, b2 }: FeedForwardArrays,
  kind: ActivationKind = 'relu',
): NdArray {
  const f = scalarActivation(kind);
  const C = w1.shape[1]!;
  const y = ndarray(x.shape);
  for (let at = 0; at < x.data.length; at += C) {
    const hidden = apply(w1, x.data.subarray(at, at + C), b1).map((h) => f.value(h));
    y.data.set(apply(w2, Float64Array.from(hidden), b2), at);
  }
  return y;
}

/** Gradients of sum(dy * feedForward(x)); biases get theirs whether they were given or not. */
export function feedForwardGradientOracle(
  x: NdArray,
  { w1, b1, w2 }: FeedForwardArrays,
  dy: NdArray,
  kind: ActivationKind = 'relu',
): { x: NdArray; w1: NdArray; b1: NdArray; w2: NdArray; b2: NdArray } {
  const f = scalarActivation(kind);
  const [F, C] = w1.shape as [number, number];
  const grad = {
    x: ndarray(x.shape),
    w1: ndarray(w1.shape),
    b1: ndarray([F]),
    w2: ndarray(w2.shape),
    b2: ndarray([C]),
  };
  for (let at = 0; at < x.data.length; at += C) {
    const [input, upstream] = [x.data.subarray(at, at + C), dy.data.subarray(at, at + C)];
    const before = apply(w1, input, b1);
    const dHidden = applyTransposed(w2, upstream);
    for (let n = 0; n < F; n++) {
      const dBefore = dHidden[n]! * f.derivative(before[n]!);
      const hidden = f.value(before[n]!);
      grad.b1.data[n]! += dBefore;
      for (let c = 0; c < C; c++) {
        grad.w1.data[n * C + c]! += dBefore * input[c]!;
        grad.w2.data[c * F + n]! += upstream[c]! * hidden;
        grad.x.data[at + c]! += dBefore * w1.data[n * C + c]!;
      }
    }
    for (let c = 0; c < C; c++) grad.b2.data[c]! += upstream[c]!;
  }
  return grad;
}

export interface SwiGluArrays {
  wGate: NdArray;
  wUp: NdArray;
  wDown: NdArray;
  bGate?: NdArray;
  bUp?: NdArray;
  bDown?: NdArray;
}

/** (silu(x Wgate^T) * x Wup^T) Wdown^T, with the biases that are given. */
export function swiGluFfnOracle(x: NdArray, { wGate, wUp, wDown, bGate, bUp, bDown }: SwiGluArrays): NdArray {
  const silu = scalarActivation('silu').value;
  const C = wGate.shape[1]!;
  const y = ndarray(x.shape);
  for (let at = 0; at < x.data.length; at += C) {
    const input = x.data.subarray(at, at + C);
    const up = apply(wUp, input, bUp);
    const hidden = apply(wGate, input, bGate).map((g, n) => silu(g) * up[n]!);
    y.data.set(apply(wDown, Float64Array.from(hidden), bDown), at);
  }
  return y;
}

/** Gradients of sum(dy * swiGluFfn(x)); biases get theirs whether they were given or not. */
export function swiGluFfnGradientOracle(
  x: NdArray,
  { wGate, wUp, wDown, bGate, bUp }: SwiGluArrays,
  dy: NdArray,
): { x: NdArray } & Required<SwiGluArrays> {
  const silu = scalarActivation('silu');
  const [F, C] = wGate.shape as [number, number];
  const grad = {
    x: ndarray(x.shape),
    wGate: ndarray(wGate.shape),
    wUp: ndarray(wUp.shape),
    wDown: ndarray(wDown.shape),
    bGate: ndarray([F]),
    bUp: ndarray([F]),
    bDown: ndarray([C]),
  };
  for (let at = 0; at < x.data.length; at += C) {
    const [input, upstream] = [x.data.subarray(at, at + C), dy.data.subarray(at, at + C)];
    const [gate, up] = [apply(wGate, input, bGate), apply(wUp, input, bUp)];
    const dHidden = applyTransposed(wDown, upstream);
    for (let n = 0; n < F; n++) {
      const open = silu.value(gate[n]!);
      const dUp = dHidden[n]! * open;
      const dGate = dHidden[n]! * up[n]! * silu.derivative(gate[n]!);
      grad.bUp.data[n]! += dUp;
      grad.bGate.data[n]! += dGate;
      for (let c = 0; c < C; c++) {
        grad.wUp.data[n * C + c]! += dUp * input[c]!;
        grad.wGate.data[n * C + c]! += dGate * input[c]!;
        grad.wDown.data[c * F + n]! += upstream[c]! * open * up[n]!;
        grad.x.data[at + c]! += dUp * wUp.data[n * C + c]! + dGate * wGate.data[n * C + c]!;
      }
    }
    for (let c = 0; c < C; c++) grad.bDown.data[c]! += upstream[c]!;
  }
  return grad;
}

/** W v + b for W [out, in]. */
function apply(weight: NdArray, vector: Float64Array, bias?: NdArray): number[] {
  const [out, inner] = weight.shape as [number, number];
  return Array.from({ length: out }, (_, o) => {
    let sum = bias?.data[o] ?? 0;
    for (let i = 0; i < inner; i++) sum += weight.data[o * inner + i]! * vector[i]!;
    return sum;
  });
}

/** W^T v for W [out, in]. */
function applyTransposed(weight: NdArray, vector: Float64Array): number[] {
  const [out, inner] = weight.shape as [number, number];
  return Array.from({ length: inner }, (_, i) => {
    let sum = 0;
    for (let o = 0; o < out; o++) sum += weight.data[o * inner + i]! * vector[o]!;
    return sum;
  });
}
