/**
 * FlashAttention forward (Dao 2023, arXiv:2307.08691): a workgroup holds a block of queries and walks over the keys
 * in tiles, keeping per query the running maximum m and sum l of the softmax (Milakov & Gimelshein 2018,
 * arXiv:1805.02867): m' = max(m, s), l' = l e^(m - m') + e^(s - m'), o' = o e^(m - m') + e^(s - m') v.
 * It keeps (m, 1/l) per query for the backward pass, never the weights.
 */
import { defineKernel } from '../compute/launch.js';
import { storageExtensions, storageSuffix } from '../compute/storage.js';
import {
  type FlashVariant,
  flashElement,
  layoutOf,
  loader,
  optionalInputs,
  scoring,
  stage,
  storer,
  threads,
  uniforms,
  widthBound,
  workgroupMemory,
} from './flash-tile.wgsl.js';

export function forwardKernel(variant: FlashVariant) {
  const { D } = variant;
  const bound = widthBound(variant);
  const { slices, width, rows, columns } = layoutOf(D);
  const element = flashElement(variant);
  const stride = width * slices;
  const tilesPerHead = `((u.T + ${rows - 1}) / ${rows})`;
  return defineKernel({
    name: `attention.forward${storageSuffix(variant.storage)}`,
    inputs: { q: element, k: element, v: element, ...optionalInputs(variant) },
    outputs: { out: element, stats: 'vec2<f32>' },
    uniforms,
    extensions: storageExtensions(variant.storage),
    code: `
${loader('q', D)}${loader('k', D)}${loader('v', D)}${storer('out', variant)}${scoring(variant)}
${workgroupMemory(D, ['keys', 'values'], ['partial'])}
@compute @workgroup_size(${threads})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
        @builtin(local_invocation_index) lane: u32) {
  let index = group.x + group.y * groups.x;
  if (index >= u.total) { return; }
  let block = i32(index) % ${tilesPerHead} * ${rows};
  let head = i32(index) / ${tilesPerHead};
  let b = head / u.H;
  let h = head % u.H;
  let keyBase = (b * u.K + h / (u.H / u.K)) * u.S;
  let row = i32(lane)${slices > 1 ? ` % ${rows}` : ''};
  let slice = ${slices > 1 ? `i32(lane) / ${rows} * ${width}` : '0'};
  let i = block + row;
  let query = head * u.T + min(i, u.T - 1);

  var held: array<vec4f, ${width}>;
  var sum: array<vec4f, ${width}>;
  for (var d = 0; d < ${bound}; d++) { held[d] = load_q(query, slice + d); }
  var m = hidden;
  var l = 0.0;
  let offset = u.S - u.T;
  let start = max(0, block + offset - u.behind);
  let end = min(u.S, min(block + ${rows}, u.T) + offset + u.ahead);
  for (var first = start; first < end; first += ${columns}) {
    workgroupBarrier();
    ${stage(D, 'keys', 'k', 'keyBase', 'u.S')}
    ${stage(D, 'values', 'v', 'keyBase', 'u.S')}
    workgroupBarrier();
    for (var j = 0; j < u.columns; j++) {
      var product = 0.0;
      for (var d = 0; d < ${bound}; d++) { product += dot(held[d], keys[j * ${stride} + slice + d]); }
      partial[j * ${threads} + i32(lane)] = product;
    }
    workgroupBarrier();
    var largest = m;
    for (var j = 0; j < u.columns; j++) {
      largest = max(largest, score(sum_partial(j, row), b, h, i, first + j));
    }
    let fade = exp(m - largest);
    l *= fade;
    for (var d = 0; d < ${bound}; d++) { sum[d] *= fade; }
    for (var j = 0; j < u.columns; j++) {
      let s = score(sum_partial(j, row), b, h, i, first + j);
      // NaN must reach the output; (s != hidden) would be false for it, as WGSL comparisons are ordered.
      if (!(s == hidden)) {
        let p = exp(s - largest);
        l += p;
        for (var d = 0; d < ${bound}; d++) { sum[d] += p * values[j * ${stride} + slice + d]; }
      }
    }
    m = largest;
  }
  if (i < u.T) {
    let inverse = select(1.0 / l, 0.0, l == 0.0);
    for (var d = 0; d < ${bound}; d++) { store_out(query, slice + d, sum[d] * inverse); }
    if (slice == 0) { stats[query] = vec2f(m, inverse); }
  }
}`,
  });
}
