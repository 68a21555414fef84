/** Kernels of the repairs on webgpu that compute each element by itself, one thread per element. */
import { defineKernel } from '../kernel.js';
import { launch, spread } from '../launch.js';
import { sizeOf } from '../ndarray.js';
import type { tf } from '../tf.js';
import type { GpuBackend } from '../webgpu-backend.js';
import type { KernelBackend } from './override.js';

const threads = 64;

/** WGSL that runs `statements` for each i < u.n. */
export function eachElement(statements: string): string {
  return `
@compute @workgroup_size(${threads})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
        @builtin(local_invocation_index) lane: u32) {
  let i = (group.x + group.y * groups.x) * ${threads}u + lane;
  if (i >= u.n) { return; }
  ${statements}
}`;
}

export const workgroupsFor = (n: number) => spread(Math.ceil(n / threads));

/** y[i] of x[i], as float32, with WGSL `functions` before it. @returns what computes it; x is not empty */
export function elementwise(
  name: string,
  element: 'i32' | 'f32',
  statements: string,
  functions = '',
): (x: tf.TensorInfo, backend: KernelBackend) => tf.TensorInfo {
  const kernel = defineKernel({
    name,
    internal: true,
    inputs: { x: element },
    outputs: { y: 'f32' },
    uniforms: { n: 'u32' },
    code: functions + eachElement(statements),
  });
  return (x, backend) => {
    const n = sizeOf(x.shape);
    return launch(backend as unknown as GpuBackend, kernel, {
      inputs: { x },
      outputs: { y: { shape: x.shape } },
      uniforms: { n },
      workgroups: workgroupsFor(n),
    }).y;
  };
}
