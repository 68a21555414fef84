/**
 * Product of float32 rows with a weight in NF4 that is dequantised on its way into workgroup memory and never stands in
 * memory as float32: x W^T forward, dy W backward. A workgroup makes a tile of 64 x 64, each thread 4 x 4 of it.
 */
import { registerFused } from '../../../compute/fused.js';
import { defineKernel } from '../../../compute/kernel.js';
import { spread } from '../../../compute/launch.js';
import type { tf } from '../../../compute/tf.js';
import { remember } from '../../../compute/variants.js';
import { decoding, type Nf4Tensors, nf4Inputs } from './nf4-decode.wgsl.js';

export const nf4Kernel = 'KernelbookNf4Matmul';

const tile = 64;
const slice = 16;

interface Variant {
  /** x W^T reads the weight along its rows; dy W down its columns. */
  backward: boolean;
  /** Scales are bytes of a map. */
  double: boolean;
}

const productKernel = remember(({ backward, double }: Variant) =>
  defineKernel({
    name: backward ? 'nf4Matmul.backward' : 'nf4Matmul.forward',
    inputs: { x: 'f32', ...nf4Inputs },
    outputs: { y: 'f32' },
    uniforms: {
      /** y is [rows, columns], the sum runs over `inner`; the weight has `width` columns. */
      rows: 'u32',
      columns: 'u32',
      inner: 'u32',
      width: 'u32',
      tilesAcross: 'u32',
      total: 'u32',
      offset: 'f32',
    },
    code: `
${decoding(double)}
var<workgroup> tileX: array<f32, ${tile * slice}>;
var<workgroup> tileW: array<f32, ${tile * slice}>;

fn weightAt(inner: u32, column: u32) -> f32 {
  if (inner >= u.inner || column >= u.columns) { return 0.0; }
  return decoded(${backward ? 'inner * u.width + column' : 'column * u.width + inner'});
}

fn inputAt(row: u32, inner: u32) -> f32 {
  if (row >= u.rows || inner >= u.inner) { return 0.0; }
  return x[row * u.inner + inner];
}

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
        @builtin(local_invocation_index) lane: u32) {
  let index = group.x + group.y * groups.x;
  if (index >= u.total) { return; }
  let firstRow = index / u.tilesAcross * ${tile}u;
  let firstColumn = index % u.tilesAcross * ${tile}u;
  let across = lane % 16u;
  let down = lane / 16u;
  var sums: array<vec4f, 4>;
  for (var start = 0u; start < u.inner; start += ${slice}u) {
    workgroupBarrier();
    for (var part = lane; part < ${tile * slice}u; part += 256u) {
      let row = part / ${slice}u;
      let k = part % ${slice}u;
      tileX[part] = inputAt(firstRow + row, start + k);
      ${
        backward
          ? `let column = part % ${tile}u;
      tileW[part] = weightAt(start + part / ${tile}u, firstColumn + column);`
          : `tileW[k * ${tile}u + row] = weightAt(start + k, firstColumn + row);`
      }
    }
    workgroupBarrier();
    for (var k = 0u; k < ${slice}u; k++) {
      let at = k * ${tile}u + 4u * across;
      let w = vec4f(tileW[at], tileW[at + 1u], tileW[at + 2u], tileW[at + 3u]);
      for (var m = 0u; m < 4u; m++) {
        sums[m] += tileX[(4u * down + m) * ${slice}u + k] * w;
      }
    }
  }
  for (var m = 0u; m < 4u; m++) {
    let row = firstRow + 4u * down + m;
    for (var c = 0u; c < 4u; c++) {
      let column = firstColumn + 4u * across + c;
      if (row < u.rows && column < u.columns) { y[row * u.columns + column] = sums[m][c]; }
    }
  }
}`,
  }),
);

/** `out` and `inner` of the weight; `offset` of the scales in double quantisation. */
export type Nf4Attributes = {
  rows: number;
  out: number;
  inner: number;
  backward: boolean;
  double: boolean;
  offset: number;
};

const fused = registerFused({
  name: nf4Kernel,
  inputs: ['x', 'codes', 'scales', 'scaleCodes', 'map'],
  forward: (inputs, { rows, out, inner: width, backward, double, offset }: Nf4Attributes, launch) => {
    const [columns, inner] = backward ? [width, out] : [out, width];
    const tilesAcross = Math.ceil(columns / tile);
    const total = Math.ceil(rows / tile) * tilesAcross;
    const { y } = launch(productKernel({ backward, double }), {
      inputs,
      outputs: { y: { shape: [rows, columns] } },
      uniforms: { rows, columns, inner, width, tilesAcross, total, offset },
      workgroups: spread(total),
    });
    return [y];
  },
  gradient: {
    saveInputs: ['codes', 'scales', 'scaleCodes', 'map'],
    backward: ([dy], saved, attributes) => ({
      x: () => {
        const [codes, scales, scaleCodes, map] = saved as [tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor];
        const turned = { ...attributes, backward: !attributes.backward };
        return runNf4Matmul(dy!, { codes, scales, scaleCodes, map }, turned);
      },
    }),
  },
});

/** x [rows, inner] -> [rows, out], or backward [rows, out] -> [rows, inner]; nothing in it may be empty. */
export function runNf4Matmul(x: tf.Tensor, tensors: Nf4Tensors, attributes: Nf4Attributes): tf.Tensor {
  return fused.run({ x, ...tensors }, attributes)[0]!;
}
