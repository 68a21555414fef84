/**
 * Fused RoPE for the GPU: one thread per pair of features, one read and one write of each. Direction -1 rotates back,
 * which is the gradient, so the same kernel serves both. The table [T, D/2, 2] of (cos, sin) comes from the CPU.
 */
import { registerFused } from '../compute/fused.js';
import { defineKernel, type ElementType, type Kernel, spread } from '../compute/launch.js';
import { sizeOf } from '../compute/ndarray.js';
import type { tf } from '../compute/tf.js';

export const ropeKernel = 'KernelbookRope';

const lanes = 256;
const uniforms = { pairs: 'u32', T: 'u32', half: 'u32', direction: 'f32' } as const;

const body = (read: string, write: string) => `
@compute @workgroup_size(${lanes})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
        @builtin(local_invocation_index) lane: u32) {
  let pair = (group.x + group.y * groups.x) * ${lanes}u + lane;
  if (pair >= u.pairs) { return; }
  let turn = table[pair % (u.T * u.half)] * vec2f(1.0, u.direction);
  ${read}
  let rotated = vec2f(value.x * turn.x - value.y * turn.y, value.x * turn.y + value.y * turn.x);
  ${write}
}`;

const interleaved = defineKernel({
  name: 'rope.interleaved',
  inputs: { x: 'vec2<f32>', table: 'vec2<f32>' },
  outputs: { y: 'vec2<f32>' },
  uniforms,
  code: body('let value = x[pair];', 'y[pair] = rotated;'),
});

const half = defineKernel({
  name: 'rope.half',
  inputs: { x: 'f32', table: 'vec2<f32>' },
  outputs: { y: 'f32' },
  uniforms,
  code: body(
    'let at = pair + pair / u.half * u.half;\n  let value = vec2f(x[at], x[at + u.half]);',
    'y[at] = rotated.x;\n  y[at + u.half] = rotated.y;',
  ),
});

type RopeKernel = Kernel<{ x: ElementType; table: ElementType }, { y: ElementType }, typeof uniforms>;
const kernels: Record<string, RopeKernel> = { interleaved, half };

type RopeAttributes = { layout: string; direction: number };

const fused = registerFused({
  name: ropeKernel,
  inputs: ['x', 'table'],
  forward: ({ x, table }, { layout, direction }: RopeAttributes, launch) => {
    const [T, D2] = table.shape as [number, number];
    const pairs = sizeOf(x.shape) / 2;
    const { y } = launch(kernels[layout]!, {
      inputs: { x, table },
      outputs: { y: { shape: x.shape } },
      uniforms: { pairs, T, half: D2, direction },
      workgroups: spread(Math.ceil(pairs / lanes)),
    });
    return [y];
  },
  gradient: {
    saveInputs: ['table'],
    backward: ([dy], [table], { layout, direction }) => ({
      x: () => runRope(dy!, table!, layout, -direction),
    }),
  },
});

/** Rotation by the fused kernel; inputs checked by the caller and not empty. */
export function runRope(x: tf.Tensor, table: tf.Tensor, layout: string, direction: number): tf.Tensor {
  return fused.run({ x, table }, { layout, direction })[0]!;
}
