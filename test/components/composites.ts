/** Float64 oracles, with gradients, of the components that have none in the library: plain loops, or made of its oracles. */
import { type NdArray, ndarray, sizeOf } from '../../src/compute/ndarray.js';
import {
  attentionOracle,
  crossEntropyGradientOracle,
  crossEntropyOracle,
  mixtureOfExpertsGradientOracle,
  mixtureOfExpertsOracle,
  ropeOracle,
  softmaxOracle,
  t5RelativeBucket,
} from '../../src/index.js';

type Arrays = (NdArray | undefined)[];

/** x [..., in], w [out, in], b [out]. */
function linear(...[x, w, b]: Arrays): NdArray {
  const [out, inner] = w!.shape as [number, number];
  const y = ndarray([...x!.shape.slice(0, -1), out]);
  y.data.forEach((_, n) => {
    const [row, o] = [Math.floor(n / out), n % out];
    y.data[n] = b!.data[o]!;
    for (let i = 0; i < inner; i++) y.data[n]! += x!.data[row * inner + i]! * w!.data[o * inner + i]!;
  });
  return y;
}

function linearGradients(dy: NdArray, ...[x, w, b]: Arrays): NdArray[] {
  const [out, inner] = w!.shape as [number, number];
  const [dx, dw, db] = [ndarray(x!.shape), ndarray(w!.shape), ndarray(b!.shape)];
  dy.data.forEach((d, n) => {
    const [row, o] = [Math.floor(n / out), n % out];
    db.data[o]! += d;
    for (let i = 0; i < inner; i++) {
      dx.data[row * inner + i]! += d * w!.data[o * inner + i]!;
      dw.data[o * inner + i]! += d * x!.data[row * inner + i]!;
    }
  });
  return [dx, dw, db];
}

/** [x, router, gate, up and down of each expert]. */
function named([x, router, ...weights]: Arrays) {
  const experts = Array.from({ length: weights.length / 3 }, (_, e) => {
    const [wGate, wUp, wDown] = weights.slice(3 * e) as NdArray[];
    return { wGate: wGate!, wUp: wUp!, wDown: wDown! };
  });
  return { x: x!, weights: { router: router!, experts } };
}

function experts(...inputs: Arrays): NdArray {
  const { x, weights } = named(inputs);
  return mixtureOfExpertsOracle(x, weights, { topK: 1 }).out;
}

function expertsGradients(dy: NdArray, ...inputs: Arrays): NdArray[] {
  const { x, weights } = named(inputs);
  const d = { out: dy, switchLoss: 0, zLoss: 0 };
  const gradients = mixtureOfExpertsGradientOracle(x, weights, { topK: 1 }, d);
  const ofExperts = gradients.experts.flatMap(({ wGate, wUp, wDown }) => [wGate, wUp, wDown]);
  return [gradients.x, gradients.router, ...ofExperts];
}

/** [B,T,heads D] as [B,heads,T,D]. */
function split(x: NdArray, heads: number): NdArray {
  const [B, T, width] = x.shape as [number, number, number];
  const D = width / heads;
  const y = ndarray([B, heads, T, D]);
  x.data.forEach((value, n) => {
    const [bt, h, d] = [Math.floor(n / width), Math.floor((n % width) / D), n % D];
    y.data[((Math.floor(bt / T) * heads + h) * T + (bt % T)) * D + d] = value;
  });
  return y;
}

/** Two heads, causal, rotated. */
function multiHead(...[x, wq, wk, wv, wo]: Arrays): NdArray {
  const [B, T, C] = x!.shape as [number, number, number];
  const none = ndarray([C]);
  const at = Array.from({ length: T }, (_, n) => n);
  const heads = (w: NdArray | undefined) => split(linear(x, w, none), 2);
  const out = attentionOracle(ropeOracle(heads(wq), at), ropeOracle(heads(wk), at), heads(wv), {
    causal: true,
  });
  // Heads and tokens change places again.
  const joined = split(ndarray([B, 2, (T * C) / 2], out.data), T);
  return linear(ndarray([B, T, C], joined.data), wo, none);
}

/** Targets for logits [..., V]: every position has one, the second is ignored. */
export function targetsOf(shape: readonly number[]): NdArray {
  const positions = shape.slice(0, -1);
  const V = shape.at(-1)!;
  return ndarray(
    positions,
    Array.from({ length: sizeOf(positions) }, (_, n) => (n === 1 ? -100 : (n * 3) % V)),
  );
}

/** Of single losses, each with its own cotangent. */
function tokenLossesGradients(dy: NdArray, ...[logits]: Arrays): NdArray[] {
  const V = logits!.shape.at(-1)!;
  const targets = targetsOf(logits!.shape);
  const dx = softmaxOracle(logits!);
  dx.data.forEach((p, n) => {
    const target = targets.data[Math.floor(n / V)]!;
    dx.data[n] = target < 0 ? 0 : dy.data[Math.floor(n / V)]! * (p - (n % V === target ? 1 : 0));
  });
  return [dx];
}

function perplexity(...[logits]: Arrays): NdArray {
  return ndarray([], [Math.exp(crossEntropyOracle(logits!, targetsOf(logits!.shape)).data[0]!)]);
}

function perplexityGradients(dy: NdArray, ...[logits]: Arrays): NdArray[] {
  const outer = dy.data[0]! * perplexity(logits).data[0]!;
  return [crossEntropyGradientOracle(logits!, targetsOf(logits!.shape), outer)];
}

/** Calls `visit` with the place of each entry of [B,H,T,S], of its query row and of its row of the table. */
function eachShaw(
  q: NdArray,
  table: NdArray,
  S: number,
  visit: (n: number, row: number, at: number) => void,
) {
  const T = q.shape[2]!;
  const k = (table.shape[0]! - 1) / 2;
  for (let n = 0; n < sizeOf(q.shape.slice(0, -1)) * S; n++) {
    const [row, i, j] = [Math.floor(n / S), Math.floor(n / S) % T, n % S];
    visit(n, row, Math.max(-k, Math.min(k, j - (i + S - T))) + k);
  }
}

const keys = 3;

function shaw(...[q, table]: Arrays): NdArray {
  const D = q!.shape[3]!;
  const bias = ndarray([...q!.shape.slice(0, -1), keys]);
  eachShaw(q!, table!, keys, (n, row, at) => {
    for (let d = 0; d < D; d++) {
      bias.data[n]! += (q!.data[row * D + d]! * table!.data[at * D + d]!) / Math.sqrt(D);
    }
  });
  return bias;
}

function shawGradients(dy: NdArray, ...[q, table]: Arrays): NdArray[] {
  const D = q!.shape[3]!;
  const [dq, dtable] = [ndarray(q!.shape), ndarray(table!.shape)];
  eachShaw(q!, table!, keys, (n, row, at) => {
    const scaled = dy.data[n]! / Math.sqrt(D);
    for (let d = 0; d < D; d++) {
      dq.data[row * D + d]! += scaled * table!.data[at * D + d]!;
      dtable.data[at * D + d]! += scaled * q!.data[row * D + d]!;
    }
  });
  return [dq, dtable];
}

const [queries, wide] = [3, 4];

/** Where entry n of [1,H,T,S] comes from in the table [buckets,H]. */
function placeInTable(n: number, H: number): number {
  const [h, i, j] = [Math.floor(n / (queries * wide)), Math.floor(n / wide) % queries, n % wide];
  return t5RelativeBucket(j - (i + wide - queries)) * H + h;
}

function t5(...[table]: Arrays): NdArray {
  const H = table!.shape[1]!;
  const size = H * queries * wide;
  return ndarray(
    [1, H, queries, wide],
    Array.from({ length: size }, (_, n) => table!.data[placeInTable(n, H)]!),
  );
}

function t5Gradients(dy: NdArray, ...[table]: Arrays): NdArray[] {
  const gradient = ndarray(table!.shape);
  dy.data.forEach((d, n) => {
    gradient.data[placeInTable(n, table!.shape[1]!)]! += d;
  });
  return [gradient];
}

export const composites = {
  linear: { value: linear, gradients: linearGradients },
  experts: { value: experts, gradients: expertsGradients },
  multiHead: { value: multiHead },
  tokenLossesGradients,
  perplexity: { value: perplexity, gradients: perplexityGradients },
  shaw: { value: shaw, gradients: shawGradients },
  t5: { value: t5, gradients: t5Gradients },
};
