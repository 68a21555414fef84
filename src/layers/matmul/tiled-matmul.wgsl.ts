/**
 * Product of half-precision matrices on any GPU with shader-f16: a workgroup makes a tile of 64 x 64, each thread 4 x 4 of it
 * in registers, from slices of 32 of both matrices in workgroup memory. Sums are kept in f32.
 */
import { defineKernel } from '../../compute/kernel.js';
import {
  entry,
  fetchers,
  inputs,
  type MatmulVariant,
  outputs,
  storer,
  uniforms,
} from './matmul-tile.wgsl.js';

export const tiledTile = { M: 64, N: 64, steps: 8 };

const threads = 256;
/** vec4 per row of each tile; one more than needed keeps rows of a's tile in different banks. */
const strideA = 9;
const strideB = 16;

/** Stages a block of 4 x 4: rows of memory as they are, or turned. */
function stage(
  name: string,
  base: string,
  row: string,
  column: string,
  turned: boolean,
  put: (n: number) => string,
): string {
  const rows = [0, 1, 2, 3].map(
    (n) => `let ${name}${n} = vec4f(fetch_${name}(${base}, ${row} + ${n}u, ${column}));`,
  );
  const lanes = ['x', 'y', 'z', 'w'];
  const writes = lanes.map((lane, n) =>
    turned
      ? `${put(n)} = vec4f(${[0, 1, 2, 3].map((m) => `${name}${m}.${lane}`).join(', ')});`
      : `${put(n)} = ${name}${n};`,
  );
  return [...rows, ...writes].join('\n      ');
}

export function tiledKernel(variant: MatmulVariant) {
  const { transposeA, transposeB } = variant;
  const [placeM, placeK] = ['firstM + block / 8u * 4u', 'k + block % 8u * 4u'];
  const [placeN, rowK] = ['firstN + block % 16u * 4u', 'k + block / 16u * 4u'];
  return defineKernel({
    name: 'matmul.f16',
    inputs: inputs(variant),
    outputs: outputs(variant),
    uniforms,
    extensions: ['f16'],
    code: `
${fetchers(variant)}
${storer(variant)}
// a's tile holds four k of a row in each vec4, b's tile four columns of a k.
var<workgroup> tileA: array<vec4f, ${64 * strideA}>;
var<workgroup> tileB: array<vec4f, ${32 * strideB}>;
${entry(threads, 64, 64)}
  let x = lane % 16u;
  let y = lane / 16u;
  var sum0 = vec4f();
  var sum1 = vec4f();
  var sum2 = vec4f();
  var sum3 = vec4f();
  for (var k = 0u; k < u.K; k += 32u) {
    workgroupBarrier();
    // Half of the threads stage a's tile, half b's, a block of 4 x 4 each.
    let block = lane % 128u;
    if (lane < 128u) {
      let place = block / 8u * ${4 * strideA}u + block % 8u;
      ${stage('a', 'baseA', transposeA ? placeK : placeM, transposeA ? placeM : placeK, transposeA, (n) => `tileA[place + ${n * strideA}u]`)}
    } else {
      let place = block / 16u * ${4 * strideB}u + block % 16u;
      ${stage('b', 'baseB', transposeB ? placeN : rowK, transposeB ? rowK : placeN, transposeB, (n) => `tileB[place + ${n * strideB}u]`)}
    }
    workgroupBarrier();
    for (var step = 0u; step < u.steps; step++) {
      let b0 = tileB[4u * step * ${strideB}u + x];
      let b1 = tileB[(4u * step + 1u) * ${strideB}u + x];
      let b2 = tileB[(4u * step + 2u) * ${strideB}u + x];
      let b3 = tileB[(4u * step + 3u) * ${strideB}u + x];
      ${[0, 1, 2, 3]
        .map(
          (n) => `let a${n} = tileA[(4u * y + ${n}u) * ${strideA}u + step];
      sum${n} += a${n}.x * b0 + a${n}.y * b1 + a${n}.z * b2 + a${n}.w * b3;`,
        )
        .join('\n      ')}
    }
  }
  let column = firstN + 4u * x;
  ${[0, 1, 2, 3].map((n) => `store_c(baseC, firstM + 4u * y + ${n}u, column, sum${n});`).join('\n  ')}
}`,
  });
}
