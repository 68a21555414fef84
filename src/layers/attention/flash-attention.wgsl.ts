/**
 * FlashAttention forward (Dao 2023, arXiv:2307.08691): a workgroup holds a block of queries and walks over the keys
 * in tiles, keeping per query the running maximum m and sum l of the softmax (Milakov & Gimelshein 2018,
 * arXiv:1805.02867): m' = max(m, s), l' = l e^(m - m') + e^(s - m'), o' = o e^(m - m') + e^(s - m') v.
 * It keeps (m, 1/l) per query for the backward pass, never the weights.
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

export function forwardKernel(variant: FlashVariant) {
  const { D } = variant;
  const bound = widthBound(variant);
  const { slices, width, rows, columns } = layoutOf(variant);
  const element = flashElement(variant);
  return defineKernel({
    name: `attention.forward${storageSuffix(variant.storage)}`,
    inputs: { q: element, k: element, v: element, ...optionalInputs(variant) },
    outputs: { out: element, stats: 'vec2<f32>' },
    uniforms,
    extensions: storageExtensions(variant.storage),
    code: `
${loader('q', D)}${loader('k', D)}${loader('v', D)}${storer('out', variant)}${scoring(variant)}
${workgroupMemory(variant, ['keys', 'values'], ['weights'])}
${entry(threads)}
  ${ownQueries(rows)}
  ${ownPlace(variant)}
  ${eachRow(
    variant,
    (r) => `let query${r} = head * u.T + min(row${r}, u.T - 1);
  var held${r}: array<vec4f, ${width}>;
  var sum${r}: array<vec4f, ${width}>;
  for (var d = 0; d < ${bound}; d++) { held${r}[d] = load_q(query${r}, slice + d); }
  var m${r} = hidden;
  var l${r} = 0.0;`,
  )}
  ${keysSeen(rows)}
  for (var first = start; first < end; first += ${columns}) {
    workgroupBarrier();
    ${stage(variant, 'keys', 'k', 'keyBase', 'u.S')}
    ${stage(variant, 'values', 'v', 'keyBase', 'u.S')}
    workgroupBarrier();
    ${dotProducts(variant, { weights: ['held', 'keys'] })}
    ${eachOwnColumn(
      variant,
      eachRow(
        variant,
        (r) => `weights[place(j, ${r}, team)] = score(sum_weights(j, ${r}, team), b, h, row${r}, first + j);`,
      ),
    )}
    workgroupBarrier();
    ${eachRow(variant, (r) => `var largest${r} = m${r};`)}
    for (var j = 0; j < u.columns; j++) {
      ${eachRow(variant, (r) => `largest${r} = max(largest${r}, weights[place(j, ${r}, team)]);`)}
    }
    workgroupBarrier();
    ${eachOwnColumn(
      variant,
      eachRow(
        variant,
        (r) => `let at${r} = place(j, ${r}, team);
      let s${r} = weights[at${r}];
      if (!(s${r} == hidden)) { weights[at${r}] = exp(s${r} - largest${r}); }`,
      ),
    )}
    ${eachRow(
      variant,
      (r) => `let fade${r} = exp(m${r} - largest${r});
    m${r} = largest${r};
    l${r} *= fade${r};
    for (var d = 0; d < ${bound}; d++) { sum${r}[d] *= fade${r}; }`,
    )}
    workgroupBarrier();
    for (var j = 0; j < u.columns; j++) {
      // NaN must reach the output; (p != hidden) would be false for it, as WGSL comparisons are ordered.
      ${eachRow(
        variant,
        (r) => `let p${r} = weights[place(j, ${r}, team)];
      let seen${r} = !(p${r} == hidden);
      if (seen${r}) { l${r} += p${r}; }`,
      )}
      for (var d = 0; d < ${bound}; d++) {
        let value = values[j * ${width * slices} + slice + d];
        ${eachRow(variant, (r) => `if (seen${r}) { sum${r}[d] += p${r} * value; }`)}
      }
    }
  }
  ${eachRow(
    variant,
    (r) => `if (row${r} < u.T) {
    let inverse = select(1.0 / l${r}, 0.0, l${r} == 0.0);
    for (var d = 0; d < ${bound}; d++) { store_out(query${r}, slice + d, sum${r}[d] * inverse); }
    if (slice == 0) { stats[query${r}] = vec2f(m${r}, inverse); }
  }`,
  )}
}`,
  });
}
