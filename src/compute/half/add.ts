/**
 * The sum of two packed gradients, rounded once: what tfjs's tape needs where a half tensor is used twice
 * (`compute/packed-gradient.ts`). Word by word, so that it needs no shape, and by integers, so that it needs no shader-f16.
 */
import { defineKernel } from '../kernel.js';
import { spread } from '../launch.js';
import { sizeOf } from '../ndarray.js';
import { addPackedKernel, asPackedGradient } from '../packed-gradient.js';
import { makeTensor } from '../repairs/override.js';
import { binary16Code, halfBits, halfValue } from './binary16.js';
import { registerEverywhere } from './everywhere.js';

const threads = 256;

const addKernel = defineKernel({
  name: 'half.add',
  internal: true,
  inputs: { a: 'u32', b: 'u32' },
  outputs: { y: 'u32' },
  uniforms: { words: 'u32' },
  code: `${binary16Code}
fn sum(a: u32, b: u32) -> u32 {
  return halfBits(bitcast<u32>(bitcast<f32>(floatBits(a)) + bitcast<f32>(floatBits(b))));
}
@compute @workgroup_size(${threads})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
        @builtin(local_invocation_index) lane: u32) {
  let at = (group.x + group.y * groups.x) * ${threads}u + lane;
  if (at >= u.words) { return; }
  y[at] = sum(a[at] & 0xffffu, b[at] & 0xffffu) | (sum(a[at] >> 16u, b[at] >> 16u) << 16u);
}`,
});

registerEverywhere(
  {
    name: addPackedKernel,
    inputs: ['a', 'b'],
    forward: (inputs, _attributes: Record<string, never>, launch) => {
      const words = sizeOf(inputs.a.shape);
      const { y } = launch(addKernel, {
        inputs,
        outputs: { y: { shape: inputs.a.shape } },
        uniforms: { words },
        workgroups: spread(Math.ceil(words / threads)),
      });
      return [asPackedGradient(y)];
    },
  },
  ({ a, b }, _attributes, backend) => {
    const [left, right] = [a, b].map(({ dataId }) => backend.readSync(dataId) as Int32Array);
    const sum = (n: number, shift: number) =>
      halfBits(halfValue(left![n]! >>> shift) + halfValue(right![n]! >>> shift)) << shift;
    const words = left!.map((_, n) => sum(n, 0) | sum(n, 16));
    return asPackedGradient(makeTensor(backend, a.shape, 'int32', words));
  },
);
