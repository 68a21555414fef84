/** How kernels read a number of an NF4 weight, and the kernel that writes the whole weight as float32. */
import { registerFused } from '../../../compute/fused.js';
import { defineKernel } from '../../../compute/kernel.js';
import { spread } from '../../../compute/launch.js';
import { sizeOf } from '../../../compute/ndarray.js';
import type { tf } from '../../../compute/tf.js';
import { remember } from '../../../compute/variants.js';
import { nf4Block, nf4Values, scaleBlock } from './nf4-format.js';

export interface Nf4Tensors {
  codes: tf.Tensor;
  scales: tf.Tensor;
  /** Any tensors where scales are not quantised. */
  scaleCodes: tf.Tensor;
  map: tf.Tensor;
}

export const nf4Inputs = { codes: 'u32', scales: 'f32', scaleCodes: 'u32', map: 'f32' } as const;

const literal = (value: number) => (Number.isInteger(value) ? `${value}.0` : String(value));

/** `decoded(n)`: number n of the flattened weight. Needs the buffers of `nf4Inputs` and the uniform `offset`. */
export function decoding(double: boolean): string {
  const scale = double
    ? `let code = (scaleCodes[block / 4u] >> (8u * (block % 4u))) & 255u;
  return map[code] * scales[block / ${scaleBlock}u] + u.offset;`
    : 'return scales[block];';
  return `
const values = array<f32, 16>(${nf4Values.map(literal).join(', ')});

fn scaleOf(block: u32) -> f32 {
  ${scale}
}

fn decoded(n: u32) -> f32 {
  let code = (codes[n / 8u] >> (4u * (n % 8u))) & 15u;
  return values[code] * scaleOf(n / ${nf4Block}u);
}`;
}

const threads = 256;

const decodeKernel = remember(({ double }: { double: boolean }) =>
  defineKernel({
    name: 'nf4.decode',
    internal: true,
    inputs: nf4Inputs,
    outputs: { weight: 'f32' },
    uniforms: { size: 'u32', offset: 'f32' },
    code: `${decoding(double)}

@compute @workgroup_size(${threads})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
        @builtin(local_invocation_index) lane: u32) {
  let n = (group.x + group.y * groups.x) * ${threads}u + lane;
  if (n < u.size) { weight[n] = decoded(n); }
}`,
  }),
);

/** The weight [out, in] in float32, on the webgpu backend. */
export const decodeNf4 = registerFused({
  name: 'KernelbookNf4Decode',
  inputs: ['codes', 'scales', 'scaleCodes', 'map'],
  forward: (
    inputs,
    { shape, double, offset }: { shape: number[]; double: boolean; offset: number },
    launch,
  ) => {
    const size = sizeOf(shape);
    const { weight } = launch(decodeKernel({ double }), {
      inputs,
      outputs: { weight: { shape } },
      uniforms: { size, offset },
      workgroups: spread(Math.ceil(size / threads)),
    });
    return [weight];
  },
});
