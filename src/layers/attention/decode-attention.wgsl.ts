/**
 * Attention for a few queries and many keys, as in decoding (Flash-Decoding: Dao, Haziza, Massa, Sizov 2023). A workgroup
 * takes one piece of the keys of one key/value head for all query heads that share it, so that keys and values are read
 * once and a long cache keeps the whole device busy. A piece leaves its result, the maximum m of its scores and 1/l with
 * l the sum of e^(s - m); `mergeKernel` joins the pieces of a query, each with the weight l e^(m - M).
 */
import { defineKernel } from '../../compute/kernel.js';
import { storageExtensions, storageSuffix } from '../../compute/storage.js';
import {
  type FlashVariant,
  flashElement,
  loader,
  optionalInputs,
  scoring,
  storer,
  uniforms,
} from './flash-tile.wgsl.js';

export interface DecodeVariant extends FlashVariant {
  /** Queries per workgroup: of H/K heads and T places, as many as fit. */
  rows: number;
  /** Of the result: float32 for pieces that are merged, which then round once. */
  result: FlashVariant['storage'];
}

export const threads = 64;
/** Scores of a workgroup: 8 KiB, as much as the queries and the sums take at most. */
const scoresHeld = 2048;
const largestPiece = 512;
/** About as many workgroups as keep a large GPU busy, while their pieces have at least `threads` keys. */
const targetGroups = 512;
export const mostRows = 8;

/** Threads that share a key: on a GPU, so that they read 64 bytes at once; where loops stay loops, none do. */
const sharing = ({ unrolled }: Pick<DecodeVariant, 'unrolled'>) => (unrolled ? 4 : 1);

/** Keys per piece for workgroups that number `blocks` times the pieces. */
export function pieceOf(
  variant: Pick<DecodeVariant, 'rows' | 'unrolled'>,
  keys: number,
  blocks: number,
): number {
  const fitting = Math.min(largestPiece, scoresHeld / (variant.rows * sharing(variant)));
  const wanted = Math.ceil((keys * blocks) / targetGroups / threads) * threads;
  return Math.min(fitting, Math.max(threads, wanted));
}

/**
 * `sets` and `perRow` repeat constants, `divisionOf`, so that software Vulkan keeps the loops it would otherwise unroll
 * and compile for seconds.
 */
const decodeUniforms = {
  ...uniforms,
  start: 'i32',
  piece: 'i32',
  pieces: 'i32',
  sets: 'i32',
  perRow: 'i32',
} as const;

/** Threads per row while its scores are handled; sets of threads that each hold a whole row while values are added up. */
export function divisionOf({ D, rows }: { D: number; rows: number }): { perRow: number; sets: number } {
  return { perRow: threads / rows, sets: Math.floor(threads / Math.ceil(D / 4)) };
}

/** Per row of a workgroup, spelled out so that what is named by row stays in registers. */
function eachRow(rows: number, code: (r: number) => string): string {
  return Array.from({ length: rows }, (_, r) => code(r)).join('\n');
}

/** `reduce...(value, lane)` over the threads of a row. */
function reduction(name: string, combined: string): string {
  return `
fn reduce${name}(value: f32, lane: i32) -> f32 {
  workgroupBarrier();
  shares[lane] = value;
  for (var step = u.perRow / 2; step > 0; step >>= 1) {
    workgroupBarrier();
    if (lane % u.perRow < step) {
      let a = shares[lane];
      let b = shares[lane + step];
      shares[lane] = ${combined};
    }
  }
  workgroupBarrier();
  return shares[lane - lane % u.perRow];
}`;
}

/** Outputs [B,H,T,pieces,D] and [B,H,T,pieces,2]: with one piece, what the forward kernel gives. */
export function pieceKernel(variant: DecodeVariant) {
  const { D, rows, unrolled, storage, result } = variant;
  const element = flashElement(variant);
  const D4 = Math.ceil(D / 4);
  const shared = sharing(variant);
  const steps = Math.ceil(D4 / shared);
  const stride = steps * shared;
  const { perRow, sets } = divisionOf(variant);
  return defineKernel({
    name: `attention.decode${storageSuffix(storage)}`,
    extensions: storageExtensions(storage),
    inputs: { q: element, k: element, v: element, ...optionalInputs(variant) },
    outputs: { out: flashElement({ D, storage: result }), stats: 'vec2<f32>' },
    uniforms: decodeUniforms,
    code: `
${['q', 'k', 'v'].map((name) => loader(name, D)).join('')}${storer('out', { D, storage: result })}${scoring(variant)}
var<workgroup> queries: array<vec4f, ${rows * stride}>;
var<workgroup> scores: array<f32, ${scoresHeld}>;
var<workgroup> sums: array<vec4f, ${rows * threads}>;
var<workgroup> shares: array<f32, ${threads}>;
var<workgroup> inverses: array<f32, ${rows}>;
${reduction('Max', 'max(a, b)')}${reduction('Sum', 'a + b')}
@compute @workgroup_size(${threads})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
        @builtin(local_invocation_index) invocation: u32) {
  let index = group.x + group.y * groups.x;
  if (index >= u.total) { return; }
  let lane = i32(invocation);
  let perHead = u.H / u.K;
  let queryCount = perHead * u.T;
  let blocks = (queryCount + ${rows - 1}) / ${rows};
  let piece = i32(index) % u.pieces;
  let block = i32(index) / u.pieces % blocks * ${rows};
  let keyHead = i32(index) / u.pieces / blocks;
  let b = keyHead / u.K;
  let first = u.start + piece * u.piece;
  let count = min(u.piece, u.S - first);
  let keyBase = keyHead * u.S + first;
  // The queries of a key/value head, [H/K,T], follow each other in q.
  let queryBase = keyHead * queryCount + block;

  for (var n = lane; n < ${rows * stride}; n += ${threads}) {
    let r = min(n / ${stride}, queryCount - 1 - block);
    queries[n] = load_q(queryBase + r, n % ${stride});
  }
  workgroupBarrier();
  for (var n = lane; n < u.piece * ${shared}; n += ${threads}) {
    let j = n${shared > 1 ? ` / ${shared}` : ''};
    let part = ${shared > 1 ? `n % ${shared}` : '0'};
    ${eachRow(rows, (r) => `var product${r} = 0.0;`)}
    if (j < count) {
      for (var step = 0; step < ${unrolled ? steps : 'u.width'}; step++) {
        let d = step * ${shared} + part;
        let key = load_k(keyBase + j, d);
        ${eachRow(rows, (r) => `product${r} += dot(queries[${r * stride} + d], key);`)}
      }
    }
    ${eachRow(rows, (r) => `scores[(${r * shared} + part) * u.piece + j] = product${r};`)}
  }
  workgroupBarrier();

  let r = lane / ${perRow};
  let query = block + r;
  let rowScores = r * ${shared} * u.piece;
  let h = keyHead % u.K * perHead + query / u.T;
  let i = select(query % u.T, u.T, query >= queryCount);
  var m = hidden;
  for (var j = lane % ${perRow}; j < u.piece; j += ${perRow}) {
    var product = scores[rowScores + j];
    for (var part = 1; part < ${shared}; part++) { product += scores[rowScores + part * u.piece + j]; }
    let s = score(product, b, h, i, first + j);
    scores[rowScores + j] = s;
    m = max(m, s);
  }
  m = reduceMax(m, lane);
  var l = 0.0;
  for (var j = lane % ${perRow}; j < u.piece; j += ${perRow}) {
    let s = scores[rowScores + j];
    // NaN must reach the output; (s != hidden) would be false for it, as WGSL comparisons are ordered.
    if (!(s == hidden)) {
      let p = exp(s - m);
      scores[rowScores + j] = p;
      l += p;
    }
  }
  l = reduceSum(l, lane);
  let inverse = select(1.0 / l, 0.0, l == 0.0);
  if (lane % ${perRow} == 0) {
    inverses[r] = inverse;
    if (query < queryCount) { stats[(queryBase + r) * u.pieces + piece] = vec2f(m, inverse); }
  }

  ${eachRow(rows, (r) => `var sum${r} = vec4f();`)}
  let d = lane % ${D4};
  if (lane < ${sets * D4}) {
    for (var j = lane / ${D4}; j < count; j += ${sets}) {
      let value = load_v(keyBase + j, d);
      ${eachRow(
        rows,
        (r) => `let p${r} = scores[${r * shared} * u.piece + j];
      if (!(p${r} == hidden)) { sum${r} += p${r} * value; }`,
      )}
    }
  }
  ${eachRow(rows, (r) => `sums[${r * threads} + lane] = sum${r};`)}
  workgroupBarrier();
  for (var n = lane; n < min(${rows}, queryCount - block) * ${D4}; n += ${threads}) {
    let at = n / ${D4} * ${threads} + n % ${D4};
    var sum = sums[at];
    for (var other = 1; other < u.sets; other++) { sum += sums[at + other * ${D4}]; }
    store_out((queryBase + n / ${D4}) * u.pieces + piece, n % ${D4}, sum * inverses[n / ${D4}]);
  }
}`,
  });
}

/** The pieces' results [N,pieces,D] and stats [N,pieces,2] -> those of all keys, [N,D] and [N,2]; a thread per vec4. */
export function mergeKernel(variant: Pick<FlashVariant, 'D' | 'storage'>) {
  const { D, storage } = variant;
  const element = flashElement(variant);
  const D4 = Math.ceil(D / 4);
  return defineKernel({
    name: `attention.merge${storageSuffix(storage)}`,
    extensions: storageExtensions(storage),
    inputs: { part: flashElement({ D, storage: 'f32' }), partStats: 'vec2<f32>' },
    outputs: { out: element, stats: 'vec2<f32>' },
    uniforms: { pieces: 'i32', total: 'i32' },
    code: `
${loader('part', D)}${storer('out', variant)}
@compute @workgroup_size(${threads})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
        @builtin(local_invocation_index) lane: u32) {
  let index = i32((group.x + group.y * groups.x) * ${threads}u + lane);
  if (index >= u.total) { return; }
  let row = index / ${D4};
  let d = index % ${D4};
  let base = row * u.pieces;
  var m = partStats[base].x;
  for (var n = 1; n < u.pieces; n++) { m = max(m, partStats[base + n].x); }
  var l = 0.0;
  var sum = vec4f();
  for (var n = 0; n < u.pieces; n++) {
    let stat = partStats[base + n];
    // 1/l = 0 marks a piece without a visible key.
    if (!(stat.y == 0.0)) {
      let weight = exp(stat.x - m) / stat.y;
      l += weight;
      sum += weight * load_part(base + n, d);
    }
  }
  let inverse = select(1.0 / l, 0.0, l == 0.0);
  store_out(row, d, sum * inverse);
  if (d == 0) { stats[row] = vec2f(m, inverse); }
}`,
  });
}
