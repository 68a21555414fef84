/**
 * Casting int32 or bool to float32 on webgpu: tfjs relabels the tensor and keeps the integer buffer, so that a
 * kernel written for floats reads integer bits. Here the values are converted.
 */

import { defineKernel, launch, spread } from '../launch.js';
import { sizeOf } from '../ndarray.js';
import type { GpuBackend } from '../webgpu-backend.js';
import { makeTensor, overrideKernel } from './override.js';

const convert = defineKernel({
  name: 'repair.cast',
  internal: true,
  inputs: { x: 'i32' },
  outputs: { y: 'f32' },
  uniforms: { n: 'u32' },
  code: `
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let i = (group.x + group.y * groups.x) * 64 + local;
  if (i < u.n) { y[i] = f32(x[i]); }
}`,
});

export function repairCast(): void {
  overrideKernel('Cast', 'webgpu', (original) => (inputs, attrs, backend) => {
    const x = inputs.x!;
    const integer = x.dtype === 'int32' || x.dtype === 'bool';
    if (!integer || attrs.dtype !== 'float32') return original(inputs, attrs, backend);
    const n = sizeOf(x.shape);
    if (n === 0) return makeTensor(backend, x.shape, 'float32', new Float32Array(0));
    return launch(backend as unknown as GpuBackend, convert, {
      inputs: { x },
      outputs: { y: { shape: x.shape } },
      uniforms: { n },
      workgroups: spread(Math.ceil(n / 64)),
    }).y;
  });
}
