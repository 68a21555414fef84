/**
 * FlashAttention backward (Dao et al. 2022, arXiv:2205.14135): the weights are recomputed tile by tile from (m, 1/l),
 * p = e^(s - m) / l. With delta = sum over features of dout * out: dp = dout . v, ds = p (dp - delta),
 * dq = scale sum ds k, dk = scale sum ds q, dv = sum p dout. One kernel per block of queries gives dq and delta, one
 * per block of keys gives dk and dv (looping over the query heads of its group): no atomics, the same bits every run.
 */
import { defineKernel } from '../../compute/kernel.js';
import { storageExtensions, storageSuffix } from '../../compute/storage.js';
import {
  dotProducts,
  eachOwnColumn,
  eachRow,
  entry,
  type FlashVariant,
  flashElement,
  keysSeen,
  layoutOf,
  loader,
  optionalInputs,
  ownPlace,
  ownQueries,
  scoring,
  stage,
  storer,
  threads,
  uniforms,
  widthBound,
  workgroupMemory,
} from './flash-tile.wgsl.js';

export function queryGradientKernel(variant: FlashVariant) {
  const { D } = variant;
  const bound = widthBound(variant);
  const { slices, width, rows, columns } = layoutOf(variant);
  const element = flashElement(variant);
  return defineKernel({
    name: `attention.queryGradient${storageSuffix(variant.storage)}`,
    extensions: storageExtensions(variant.storage),
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
${workgroupMemory(variant, ['keys', 'values'], ['weights', 'dps'])}
${entry(threads)}
  ${ownQueries(rows)}
  ${ownPlace(variant)}
  ${eachRow(
    variant,
    (r) => `let query${r} = head * u.T + min(row${r}, u.T - 1);
  var held${r}: array<vec4f, ${width}>;
  var heldDout${r}: array<vec4f, ${width}>;
  var sum${r}: array<vec4f, ${width}>;
  var delta${r} = 0.0;
  for (var d = 0; d < ${bound}; d++) {
    held${r}[d] = load_q(query${r}, slice + d);
    heldDout${r}[d] = load_dout(query${r}, slice + d);
    delta${r} += dot(heldDout${r}[d], load_out(query${r}, slice + d));
  }
  weights[place(0, ${r}, i32(lane))] = delta${r};`,
  )}
  workgroupBarrier();
  ${eachRow(
    variant,
    (r) => `delta${r} = sum_weights(0, ${r}, team);
  let stat${r} = stats[query${r}];`,
  )}
  ${keysSeen(rows)}
  for (var first = start; first < end; first += ${columns}) {
    workgroupBarrier();
    ${stage(variant, 'keys', 'k', 'keyBase', 'u.S')}
    ${stage(variant, 'values', 'v', 'keyBase', 'u.S')}
    workgroupBarrier();
    ${dotProducts(variant, { weights: ['held', 'keys'], dps: ['heldDout', 'values'] })}
    ${eachOwnColumn(
      variant,
      eachRow(
        variant,
        (r) => `let s${r} = score(sum_weights(j, ${r}, team), b, h, row${r}, first + j);
      var ds${r} = hidden;
      if (!(s${r} == hidden)) {
        ds${r} = exp(s${r} - stat${r}.x) * stat${r}.y * (sum_dps(j, ${r}, team) - delta${r}) * u.scale;
      }
      dps[place(j, ${r}, team)] = ds${r};`,
      ),
    )}
    workgroupBarrier();
    for (var j = 0; j < u.columns; j++) {
      ${eachRow(
        variant,
        (r) => `let ds${r} = dps[place(j, ${r}, team)];
      let seen${r} = !(ds${r} == hidden);`,
      )}
      for (var d = 0; d < ${bound}; d++) {
        let key = keys[j * ${width * slices} + slice + d];
        ${eachRow(variant, (r) => `if (seen${r}) { sum${r}[d] += ds${r} * key; }`)}
      }
    }
  }
  ${eachRow(
    variant,
    (r) => `if (row${r} < u.T) {
    for (var d = 0; d < ${bound}; d++) { store_dq(query${r}, slice + d, sum${r}[d]); }
    if (slice == 0) { deltas[query${r}] = delta${r}; }
  }`,
  )}
}`,
  });
}

export function keyGradientKernel(variant: FlashVariant) {
  const { D } = variant;
  const bound = widthBound(variant);
  const { slices, width, rows, columns } = layoutOf(variant);
  const element = flashElement(variant);
  const tilesPerHead = `((u.S + ${rows - 1}) / ${rows})`;
  return defineKernel({
    name: `attention.keyGradient${storageSuffix(variant.storage)}`,
    extensions: storageExtensions(variant.storage),
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
${workgroupMemory(variant, ['queries', 'douts'], ['weights', 'dps'])}
${entry(threads)}
  let block = i32(index) % ${tilesPerHead} * ${rows};
  let keyHead = i32(index) / ${tilesPerHead};
  let b = keyHead / u.K;
  let perGroup = u.H / u.K;
  ${ownPlace(variant)}
  ${eachRow(
    variant,
    (r) => `let key${r} = keyHead * u.S + min(row${r}, u.S - 1);
  var held${r}: array<vec4f, ${width}>;
  var heldValue${r}: array<vec4f, ${width}>;
  var sumKey${r}: array<vec4f, ${width}>;
  var sumValue${r}: array<vec4f, ${width}>;
  for (var d = 0; d < ${bound}; d++) {
    held${r}[d] = load_k(key${r}, slice + d);
    heldValue${r}[d] = load_v(key${r}, slice + d);
  }`,
  )}
  let offset = u.S - u.T;
  let start = max(0, block - offset - u.ahead);
  let end = min(u.T, min(block + ${rows}, u.S) - offset + u.behind);
  for (var g = 0; g < perGroup; g++) {
    let h = (keyHead % u.K) * perGroup + g;
    let queryBase = (b * u.H + h) * u.T;
    for (var first = start; first < end; first += ${columns}) {
      workgroupBarrier();
      ${stage(variant, 'queries', 'q', 'queryBase', 'u.T')}
      ${stage(variant, 'douts', 'dout', 'queryBase', 'u.T')}
      workgroupBarrier();
      ${dotProducts(variant, { weights: ['held', 'queries'], dps: ['heldValue', 'douts'] })}
      ${eachOwnColumn(
        variant,
        `let query = queryBase + min(first + j, u.T - 1);
      let stat = stats[query];
      let delta = deltas[query];
      ${eachRow(
        variant,
        (r) => `let s${r} = score(sum_weights(j, ${r}, team), b, h, first + j, row${r});
      var p${r} = hidden;
      if (!(s${r} == hidden)) {
        p${r} = exp(s${r} - stat.x) * stat.y;
        dps[place(j, ${r}, team)] = p${r} * (sum_dps(j, ${r}, team) - delta) * u.scale;
      }
      weights[place(j, ${r}, team)] = p${r};`,
      )}`,
      )}
      workgroupBarrier();
      for (var j = 0; j < u.columns; j++) {
        ${eachRow(
          variant,
          (r) => `let p${r} = weights[place(j, ${r}, team)];
        let ds${r} = dps[place(j, ${r}, team)];
        let seen${r} = !(p${r} == hidden);`,
        )}
        for (var d = 0; d < ${bound}; d++) {
          let at = j * ${width * slices} + slice + d;
          let query = queries[at];
          let dout = douts[at];
          ${eachRow(
            variant,
            (r) => `if (seen${r}) {
            sumValue${r}[d] += p${r} * dout;
            sumKey${r}[d] += ds${r} * query;
          }`,
          )}
        }
      }
    }
  }
  ${eachRow(
    variant,
    (r) => `if (row${r} < u.S) {
    for (var d = 0; d < ${bound}; d++) {
      store_dk(key${r}, slice + d, sumKey${r}[d]);
      store_dv(key${r}, slice + d, sumValue${r}[d]);
    }
  }`,
  )}
}`,
  });
}
