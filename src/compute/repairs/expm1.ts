/**
 * expm1 on webgpu: tfjs computes exp(x) - 1, which has no correct digit left near zero, the one place that expm1 exists
 * for. Near zero a Taylor series of nine terms replaces it: its remainder is below 2^-29 of the value.
 */
import { defineKernel, launch, spread } from '../launch.js';
import { sizeOf } from '../ndarray.js';
import type { GpuBackend } from '../webgpu-backend.js';
import { overrideKernel } from './override.js';

const expm1 = defineKernel({
  name: 'repair.expm1',
  internal: true,
  inputs: { x: 'f32' },
  outputs: { y: 'f32' },
  uniforms: { n: 'u32' },
  code: `
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let i = (group.x + group.y * groups.x) * 64 + local;
  if (i >= u.n) { return; }
  let at = x[i];
  if (abs(at) < 0.5) {
    var series = 1.0;
    for (var k = 9.0; k > 1.0; k -= 1.0) { series = 1.0 + at * series / k; }
    y[i] = at * series;
  } else {
    y[i] = exp(at) - 1.0;
  }
}`,
});

export function repairExpm1(): void {
  overrideKernel('Expm1', 'webgpu', (original) => (inputs, attrs, backend) => {
    const x = inputs.x!;
    const n = sizeOf(x.shape);
    if (n === 0 || x.dtype !== 'float32') return original(inputs, attrs, backend);
    return launch(backend as unknown as GpuBackend, expm1, {
      inputs: { x },
      outputs: { y: { shape: x.shape } },
      uniforms: { n },
      workgroups: spread(Math.ceil(n / 64)),
    }).y;
  });
}
