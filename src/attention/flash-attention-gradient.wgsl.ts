/**
 * FlashAttention backward (Dao et al. 2022, arXiv:2205.14135): the weights are recomputed tile by tile from (m, 1/l),
 * p = e^(s - m) / l. With delta = sum over features of dout * out: dp = dout . v, ds = p (dp - delta),
 * dq = scale sum ds k, dk = scale sum ds q, dv = sum p dout. One kernel per block of queries gives dq and delta, one
 * per block of keys gives dk and dv (looping over the query heads of its group): no atomics, the same bits every run.
 */
import { defineKernel } from '../compute/launch.js';
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

const entry = `
@compute @workgroup_size(${threads})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
        @builtin(local_invocation_index) lane: u32) {
  let index = group.x + group.y * groups.x;
  if (index >= u.total) { return; }`;

/** Two dot products of the held row with each staged column, left in `partial` and `partialDp`. */
function dotProducts(variant: FlashVariant, a: string, tileA: string, b: string, tileB: string): string {
  const { slices, width } = layoutOf(variant.D);
  const bound = widthBound(variant);
  const at = `j * ${width * slices} + slice + d`;
  return `for (var j = 0; j < u.columns; j++) {
      var product = 0.0;
      var dp = 0.0;
      for (var d = 0; d < ${bound}; d++) {
        product += dot(${a}[d], ${tileA}[${at}]);
        dp += dot(${b}[d], ${tileB}[${at}]);
      }
      partial[j * ${threads} + i32(lane)] = product;
      partialDp[j * ${threads} + i32(lane)] = dp;
    }
    workgroupBarrier();`;
}

export function queryGradientKernel(variant: FlashVariant) {
  const { D } = variant;
  const bound = widthBound(variant);
  const { slices, width, rows, columns } = layoutOf(D);
  const element = flashElement(variant);
  const tilesPerHead = `((u.T + ${rows - 1}) / ${rows})`;
  const at = `j * ${width * slices} + slice + d`;
  return defineKernel({
    name: 'attention.queryGradient',
    inputs: {
      q: element,
      k: element,
      v: element,
      out: element,
      dout: element,
      stats: 'vec2<f32>',
      ...optionalInputs(variant),
    },
    outputs: { dq: element, deltas: 'f32' },
    uniforms,
    code: `
${['q', 'k', 'v', 'out', 'dout'].map((name) => loader(name, D)).join('')}${storer('dq', variant)}${scoring(variant)}
${workgroupMemory(D, ['keys', 'values'], ['partial', 'partialDp'])}${entry}
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
  var heldDout: array<vec4f, ${width}>;
  var sum: array<vec4f, ${width}>;
  var delta = 0.0;
  for (var d = 0; d < ${bound}; d++) {
    held[d] = load_q(query, slice + d);
    heldDout[d] = load_dout(query, slice + d);
    delta += dot(heldDout[d], load_out(query, slice + d));
  }
  partial[lane] = delta;
  workgroupBarrier();
  delta = sum_partial(0, row);
  let stat = stats[query];
  let offset = u.S - u.T;
  let start = max(0, block + offset - u.behind);
  let end = min(u.S, min(block + ${rows}, u.T) + offset + u.ahead);
  for (var first = start; first < end; first += ${columns}) {
    workgroupBarrier();
    ${stage(D, 'keys', 'k', 'keyBase', 'u.S')}
    ${stage(D, 'values', 'v', 'keyBase', 'u.S')}
    workgroupBarrier();
    ${dotProducts(variant, 'held', 'keys', 'heldDout', 'values')}
    for (var j = 0; j < u.columns; j++) {
      let s = score(sum_partial(j, row), b, h, i, first + j);
      if (!(s == hidden)) {
        let ds = exp(s - stat.x) * stat.y * (sum_partialDp(j, row) - delta) * u.scale;
        for (var d = 0; d < ${bound}; d++) { sum[d] += ds * keys[${at}]; }
      }
    }
  }
  if (i < u.T) {
    for (var d = 0; d < ${bound}; d++) { store_dq(query, slice + d, sum[d]); }
    if (slice == 0) { deltas[query] = delta; }
  }
}`,
  });
}

export function keyGradientKernel(variant: FlashVariant) {
  const { D } = variant;
  const bound = widthBound(variant);
  const { slices, width, rows, columns } = layoutOf(D);
  const element = flashElement(variant);
  const tilesPerHead = `((u.S + ${rows - 1}) / ${rows})`;
  const at = `j * ${width * slices} + slice + d`;
  return defineKernel({
    name: 'attention.keyGradient',
    inputs: {
      q: element,
      k: element,
      v: element,
      dout: element,
      stats: 'vec2<f32>',
      deltas: 'f32',
      ...optionalInputs(variant),
    },
    outputs: { dk: element, dv: element },
    uniforms,
    code: `
${['q', 'k', 'v', 'dout'].map((name) => loader(name, D)).join('')}
${storer('dk', variant)}${storer('dv', variant)}${scoring(variant)}
${workgroupMemory(D, ['queries', 'douts'], ['partial', 'partialDp'])}
var<workgroup> rowStats: array<vec3f, ${columns}>;${entry}
  let block = i32(index) % ${tilesPerHead} * ${rows};
  let keyHead = i32(index) / ${tilesPerHead};
  let b = keyHead / u.K;
  let perGroup = u.H / u.K;
  let row = i32(lane)${slices > 1 ? ` % ${rows}` : ''};
  let slice = ${slices > 1 ? `i32(lane) / ${rows} * ${width}` : '0'};
  let key = block + row;
  let place = keyHead * u.S + min(key, u.S - 1);

  var held: array<vec4f, ${width}>;
  var heldValue: array<vec4f, ${width}>;
  var sumKey: array<vec4f, ${width}>;
  var sumValue: array<vec4f, ${width}>;
  for (var d = 0; d < ${bound}; d++) {
    held[d] = load_k(place, slice + d);
    heldValue[d] = load_v(place, slice + d);
  }
  let offset = u.S - u.T;
  let start = max(0, block - offset - u.ahead);
  let end = min(u.T, min(block + ${rows}, u.S) - offset + u.behind);
  for (var g = 0; g < perGroup; g++) {
    let h = (keyHead % u.K) * perGroup + g;
    let queryBase = (b * u.H + h) * u.T;
    for (var first = start; first < end; first += ${columns}) {
      workgroupBarrier();
      ${stage(D, 'queries', 'q', 'queryBase', 'u.T')}
      ${stage(D, 'douts', 'dout', 'queryBase', 'u.T')}
      if (i32(lane) < ${columns} && first + i32(lane) < u.T) {
        let query = queryBase + first + i32(lane);
        rowStats[lane] = vec3f(stats[query], deltas[query]);
      }
      workgroupBarrier();
      ${dotProducts(variant, 'held', 'queries', 'heldValue', 'douts')}
      for (var j = 0; j < u.columns; j++) {
        let s = score(sum_partial(j, row), b, h, first + j, key);
        if (!(s == hidden)) {
          let stat = rowStats[j];
          let p = exp(s - stat.x) * stat.y;
          let ds = p * (sum_partialDp(j, row) - stat.z) * u.scale;
          for (var d = 0; d < ${bound}; d++) {
            sumValue[d] += p * douts[${at}];
            sumKey[d] += ds * queries[${at}];
          }
        }
      }
    }
  }
  if (key < u.S) {
    for (var d = 0; d < ${bound}; d++) {
      store_dk(place, slice + d, sumKey[d]);
      store_dv(place, slice + d, sumValue[d]);
    }
  }
}`,
  });
}
