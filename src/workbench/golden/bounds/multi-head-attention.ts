/** Error bounds of multi-head attention: the projections' errors carried through attention and back. */
import type { NdArray } from '../../../compute/ndarray.js';
import { add, type Bounded, exact, matmul, permute, reshape, transposeLast } from '../running-error.js';
import { attentionErrors } from './attention.js';

export interface ProjectionWeights {
  wq: NdArray;
  wk: NdArray;
  wv: NdArray;
  wo: NdArray;
}

export function multiHeadAttentionErrors(
  x: NdArray,
  weights: ProjectionWeights,
  dout: NdArray | undefined,
  { heads: H, kvHeads: K, causal }: { heads: number; kvHeads: number; causal: boolean },
) {
  const [B, T, C] = x.shape as [number, number, number];
  const D = weights.wq.shape[0]! / H;
  const rows = reshape(exact(x), [B * T, C]);
  const split = (a: Bounded, heads: number) => permute(reshape(a, [B, T, heads, D]), [0, 2, 1, 3]);
  const join = (a: Bounded, heads: number) => reshape(permute(a, [0, 2, 1, 3]), [B * T, heads * D]);
  const project = (weight: NdArray, heads: number) =>
    split(matmul(rows, transposeLast(exact(weight))), heads);
  const [q, k, v] = [project(weights.wq, H), project(weights.wk, K), project(weights.wv, K)];
  const upstream = dout && reshape(exact(dout), [B * T, C]);
  const back = upstream && split(matmul(upstream, exact(weights.wo)), H);
  const errors = attentionErrors(q, k, v, back, { causal });
  const joined = join(errors.out, H);
  const out = reshape(matmul(joined, transposeLast(exact(weights.wo))), [B, T, C]);
  if (!upstream) return { out };

  const [dq, dk, dv] = [join(errors.q!, H), join(errors.k!, K), join(errors.v!, K)];
  const through = (gradient: Bounded, weight: NdArray) => matmul(gradient, exact(weight));
  const dx = add(add(through(dq, weights.wq), through(dk, weights.wk)), through(dv, weights.wv));
  const ofWeight = (gradient: Bounded, input: Bounded) => matmul(transposeLast(gradient), input);
  return {
    out,
    x: reshape(dx, [B, T, C]),
    wq: ofWeight(dq, rows),
    wk: ofWeight(dk, rows),
    wv: ofWeight(dv, rows),
    wo: ofWeight(upstream, joined),
  };
}
