/** Error bounds of feed-forward layers: the errors of the products carried through the activation and back. */

import { type NdArray, sizeOf } from '../../../compute/ndarray.js';
import type { ActivationKind } from '../../../layers/activation/kinds.js';
import type { FeedForwardArrays, SwiGluArrays } from '../../../layers/feed-forward/feed-forward-oracle.js';
import {
  add,
  type Bounded,
  exact,
  matmul,
  multiply,
  reshape,
  sumLast,
  transposeLast,
} from '../running-error.js';
import { boundedActivation, gatedErrors } from './activation.js';

export function feedForwardErrors(
  x: NdArray,
  { w1, b1, w2, b2 }: FeedForwardArrays,
  dy: NdArray | undefined,
  kind: ActivationKind,
) {
  const { rows, upstream, restore } = asRows(x, dy);
  const f = boundedActivation(kind);
  const before = biased(project(rows, w1), b1);
  const hidden = f.value(before);
  const out = restore(biased(project(hidden, w2), b2));
  if (!upstream) return { out };
  const dBefore = multiply(matmul(upstream, exact(w2)), f.derivative(before));
  return {
    out,
    x: restore(matmul(dBefore, exact(w1))),
    w1: ofWeight(dBefore, rows),
    b1: ofBias(dBefore),
    w2: ofWeight(upstream, hidden),
    b2: ofBias(upstream),
  };
}

export function swiGluFfnErrors(x: NdArray, weights: SwiGluArrays, dy: NdArray | undefined) {
  const { rows, upstream, restore } = asRows(x, dy);
  const { out, x: dx, ...ofWeights } = swiGluErrors(rows, weights, upstream);
  return { out: restore(out), ...(dx ? { x: restore(dx), ...ofWeights } : {}) };
}

export interface SwiGluErrors {
  out: Bounded;
  /** Present when a cotangent was given. */
  x?: Bounded;
  wUp?: Bounded;
  wGate?: Bounded;
  wDown?: Bounded;
  bUp?: Bounded;
  bGate?: Bounded;
  bDown?: Bounded;
}

/** The same for rows [N,C] and a cotangent [N,C] that carry errors. */
export function swiGluErrors(
  rows: Bounded,
  { wGate, wUp, wDown, bGate, bUp, bDown }: SwiGluArrays,
  upstream: Bounded | undefined,
): SwiGluErrors {
  const dHidden = upstream && matmul(upstream, exact(wDown));
  const hidden = gatedErrors(
    biased(project(rows, wUp), bUp),
    biased(project(rows, wGate), bGate),
    dHidden,
    'silu',
  );
  const out = biased(project(hidden.out, wDown), bDown);
  if (!upstream || !hidden.value || !hidden.gate) return { out };
  return {
    out,
    x: add(matmul(hidden.value, exact(wUp)), matmul(hidden.gate, exact(wGate))),
    wUp: ofWeight(hidden.value, rows),
    wGate: ofWeight(hidden.gate, rows),
    wDown: ofWeight(upstream, hidden.out),
    bUp: ofBias(hidden.value),
    bGate: ofBias(hidden.gate),
    bDown: ofBias(upstream),
  };
}

/** The tokens as rows of a matrix, and back. */
function asRows(x: NdArray, dy: NdArray | undefined) {
  const C = x.shape[x.shape.length - 1]!;
  const matrix = [sizeOf(x.shape.slice(0, -1)), C];
  return {
    rows: reshape(exact(x), matrix),
    upstream: dy && reshape(exact(dy), matrix),
    restore: (a: Bounded) => reshape(a, x.shape),
  };
}

function project(rows: Bounded, weight: NdArray): Bounded {
  return matmul(rows, transposeLast(exact(weight)));
}

function biased(rows: Bounded, bias: NdArray | undefined): Bounded {
  return bias ? add(rows, exact(bias)) : rows;
}

function ofWeight(gradient: Bounded, input: Bounded): Bounded {
  return matmul(transposeLast(gradient), input);
}

function ofBias(gradient: Bounded): Bounded {
  return reshape(sumLast(transposeLast(gradient)), [gradient.value.shape[1]!]);
}
