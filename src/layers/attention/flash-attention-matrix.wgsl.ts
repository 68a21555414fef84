/**
 * FlashAttention forward (Dao 2023, arXiv:2307.08691) on half tensors by the matrix units of the GPU. Each of a workgroup's
 * four subgroups holds M queries and their sums in small matrices. These can be scaled by one number only, not row by row, so
 * the keys are walked over twice: first for the largest score m of each query, then for l = sum of e^(s - m) and the sum of
 * e^(s - m) v, which thus never has to be rescaled. Scores and sums are f32; e^(s - m), at most 1, is rounded to f16.
 * (m, 1/l) of each query is kept for the backward pass, as by the other kernel.
 */
import { defineKernel } from '../../compute/kernel.js';
import {
  loadLeft,
  loadRight,
  type MatrixUnit,
  matrixExtensions,
  resultType,
} from '../../compute/subgroup-matrix.js';
import {
  entry,
  type FlashVariant,
  flashElement,
  keysSeen,
  loader,
  optionalInputs,
  ownQueries,
  scoring,
  storer,
  uniforms,
} from './flash-tile.wgsl.js';

/** Beyond, a subgroup's queries and sums do not fit its registers. */
const largestHeadDim = 128;
const subgroups = 4;

/** Rows of tiles are apart by this much more than their length, so that they start in different banks. */
const padding = { f16: 8, f32: 4 };

export function matrixLayout({ M, N, K, lanes, D }: MatrixUnit & { D: number }) {
  const side = Math.max(N, K);
  const rows = subgroups * M;
  const keys = 2 * side;
  const features = Math.ceil(D / side) * side;
  return {
    rows,
    /** Keys of a tile. */
    keys,
    /** D, filled up with zeros. */
    features,
    threads: subgroups * lanes,
    /** Threads that share the scores of a query. */
    parts: Math.floor(lanes / M),
    /** Distance of rows in the tiles of queries, keys and values, of scores, and of weights. */
    staged: features + padding.f16,
    scores: keys + padding.f32,
    weights: keys + padding.f16,
  };
}

/** Whether the kernel exists for this unit and head dim, in that much workgroup memory. */
export function matrixFits(unit: MatrixUnit & { D: number }, memory: number): boolean {
  const { N, K, D } = unit;
  const { rows, keys, parts, threads, staged, scores, weights } = matrixLayout(unit);
  const bytes = 2 * Math.max(rows, 2 * keys) * staged + 4 * rows * scores + 2 * rows * weights + 4 * threads;
  const sides = Math.max(N, K) % Math.min(N, K) === 0;
  return sides && D <= largestHeadDim && parts > 0 && bytes <= memory;
}

const upTo = (n: number) => Array.from({ length: n }, (_, i) => i);

export function matrixForwardKernel(variant: FlashVariant & MatrixUnit) {
  const { D, M, N, K, lanes } = variant;
  const { rows, keys, features, threads, parts, ...distance } = matrixLayout(variant);
  const element = flashElement(variant);
  const stage = (buffer: string, count: number, at: number, row: string, limit: string) => `
    for (var n = i32(lane); n < ${(count * features) / 4}; n += ${threads}) {
      let r = n / ${features / 4};
      let d = n % ${features / 4};
      var value = vec4f();
      if (${row} + r < ${limit}) { value = load_${buffer}(${buffer === 'q' ? 'head * u.T' : 'keyBase'} + ${row} + r, d); }
      let at = ${at} + r * ${distance.staged} + d * 4;
      ${['x', 'y', 'z', 'w'].map((lane, e) => `staged[at + ${e}] = f16(value.${lane});`).join(' ')}
    }`;
  const blocks = upTo(features / K);
  const products = upTo(keys / N)
    .map(
      (j) => `
    {
      var s = ${resultType(variant)}();
      ${blocks.map((d) => `s = subgroupMatrixMultiplyAccumulate(q${d}, ${loadRight(variant, 'staged', `${j * N * distance.staged + d * K}u`, distance.staged, true)}, s);`).join('\n      ')}
      subgroupMatrixStore<row_major>(&scores, ownScores + ${j * N}u, s, ${distance.scores}u);
    }`,
    )
    .join('');
  const sums = upTo(features / N);
  const valuesAt = keys * distance.staged;
  const eachScore = (statements: string) => `
    if (part < ${parts}) {
      for (var j = part; j < ${keys}; j += ${parts}) {
        let s = score(scores[row * ${distance.scores} + j], b, h, i, first + j);
        ${statements}
      }
    }`;
  /** Of the threads that share a query; every thread of them gets the result. */
  const merged = (name: string, neutral: string, combine: (a: string, b: string) => string) => `
  workgroupBarrier();
  shares[lane] = ${name};
  workgroupBarrier();
  ${name} = ${neutral};
  for (var other = 0; other < ${parts}; other++) { ${name} = ${combine(name, `shares[ownLanes + own % ${M} + other * ${M}]`)}; }`;
  return defineKernel({
    name: 'attention.forward.f16.subgroupMatrix',
    inputs: { q: element, k: element, v: element, ...optionalInputs(variant) },
    outputs: { out: element, stats: 'vec2<f32>' },
    uniforms,
    extensions: matrixExtensions,
    code: `
${loader('q', D)}${loader('k', D)}${loader('v', D)}${storer('out', variant)}${scoring(variant)}
var<workgroup> staged: array<f16, ${Math.max(rows, 2 * keys) * distance.staged}>;
var<workgroup> scores: array<f32, ${rows * distance.scores}>;
var<workgroup> weights: array<f16, ${rows * distance.weights}>;
var<workgroup> shares: array<f32, ${threads}>;
@diagnostic(off, chromium.subgroup_matrix_uniformity)
${entry(threads)}
  ${ownQueries(rows)}
  let subgroup = lane / ${lanes}u;
  let own = i32(lane % ${lanes}u);
  let ownLanes = i32(subgroup) * ${lanes};
  let ownScores = subgroup * ${M * distance.scores}u;
  let ownWeights = subgroup * ${M * distance.weights}u;
  // The query whose scores this thread looks at, and its share of them.
  let row = i32(subgroup) * ${M} + own % ${M};
  let part = own / ${M};
  let i = block + row;
  ${stage('q', rows, 0, 'block', 'u.T')}
  workgroupBarrier();
  ${blocks.map((d) => `let q${d} = ${loadLeft(variant, 'staged', `subgroup * ${M * distance.staged}u + ${d * K}u`, distance.staged, false)};`).join('\n  ')}

  ${keysSeen(rows)}
  var m = hidden;
  for (var first = start; first < end; first += ${keys}) {
    workgroupBarrier();
    ${stage('k', keys, 0, 'first', 'u.S')}
    workgroupBarrier();
    ${products}
    workgroupBarrier();
    ${eachScore('m = max(m, s);')}
  }
  ${merged('m', 'hidden', (a, b) => `max(${a}, ${b})`)}

  var l = 0.0;
  ${sums.map((n) => `var sum${n} = ${resultType(variant)}();`).join('\n  ')}
  for (var first = start; first < end; first += ${keys}) {
    workgroupBarrier();
    ${stage('k', keys, 0, 'first', 'u.S')}
    ${stage('v', keys, valuesAt, 'first', 'u.S')}
    workgroupBarrier();
    ${products}
    workgroupBarrier();
    ${eachScore(`var p = 0.0;
        // NaN must reach the output; (s != hidden) would be false for it, as WGSL comparisons are ordered.
        if (!(s == hidden)) { p = exp(s - m); }
        l += p;
        weights[row * ${distance.weights} + j] = f16(p);`)}
    workgroupBarrier();
    ${upTo(keys / K)
      .map(
        (j) => `{
      let p = ${loadLeft(variant, 'weights', `ownWeights + ${j * K}u`, distance.weights, false)};
      ${sums.map((n) => `sum${n} = subgroupMatrixMultiplyAccumulate(p, ${loadRight(variant, 'staged', `${valuesAt + j * K * distance.staged + n * N}u`, distance.staged, false)}, sum${n});`).join('\n      ')}
    }`,
      )
      .join('\n    ')}
  }
  ${merged('l', '0.0', (a, b) => `${a} + ${b}`)}
  let inverse = select(1.0 / l, 0.0, l == 0.0);
  if (part == 0 && i < u.T) { stats[head * u.T + i] = vec2f(m, inverse); }
  workgroupBarrier();
  shares[lane] = inverse;
  ${sums
    .map(
      (n) => `workgroupBarrier();
  subgroupMatrixStore<row_major>(&scores, ownScores, sum${n}, ${distance.scores}u);
  workgroupBarrier();
  for (var at = own * 4; at < ${M * N}; at += ${4 * lanes}) {
    let r = at / ${N};
    let place = i32(ownScores) + r * ${distance.scores} + at % ${N};
    let value = vec4f(scores[place], scores[place + 1], scores[place + 2], scores[place + 3]);
    let query = block + i32(subgroup) * ${M} + r;
    if (query < u.T) { store_out(head * u.T + query, (${n * N} + at % ${N}) / 4, value * shares[ownLanes + r]); }
  }`,
    )
    .join('\n  ')}
}`,
  });
}
