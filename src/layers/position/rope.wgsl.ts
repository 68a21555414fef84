/**
 * Fused RoPE for the GPU: one thread per pair of features, one read and one write of each. Direction -1 rotates back,
 * which is the gradient, so the same kernel serves both. The table [T, D/2, 2] of (cos, sin) comes from the CPU.
 */
import { registerFused } from '../../compute/fused.js';
import { defineKernel } from '../../compute/kernel.js';
import { spread } from '../../compute/launch.js';
import { sizeOf } from '../../compute/ndarray.js';
import { asPackedGradient, isPackedGradient } from '../../compute/packed-gradient.js';
import {
  elementOf,
  type Storage,
  storageExtensions,
  storageOf,
  storageSuffix,
  storedShape,
} from '../../compute/storage.js';
import type { tf } from '../../compute/tf.js';
import { remember } from '../../compute/variants.js';

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

const ropeKernelOf = remember(({ layout, storage }: { layout: string; storage: Storage }) => {
  const interleaved = layout === 'interleaved';
  const element = elementOf(storage, interleaved ? 2 : 1);
  return defineKernel({
    name: `rope.${layout}${storageSuffix(storage)}`,
    inputs: { x: element, table: 'vec2<f32>' },
    outputs: { y: element },
    uniforms,
    extensions: storageExtensions(storage),
    code: interleaved
      ? body('let value = vec2f(x[pair]);', `y[pair] = ${element}(rotated);`)
      : body(
          'let at = pair + pair / u.half * u.half;\n  let value = vec2f(f32(x[at]), f32(x[at + u.half]));',
          `y[at] = ${storage}(rotated.x);\n  y[at + u.half] = ${storage}(rotated.y);`,
        ),
  });
});

/** `shape` of x, which a packed half tensor does not have. */
type RopeAttributes = { layout: string; direction: number; shape: number[] };

const fused = registerFused({
  name: ropeKernel,
  inputs: ['x', 'table'],
  forward: ({ x, table }, { layout, direction, shape }: RopeAttributes, launch) => {
    const [T, D2] = table.shape as [number, number];
    const pairs = sizeOf(shape) / 2;
    const storage = storageOf(x);
    const { y } = launch(ropeKernelOf({ layout, storage }), {
      inputs: { x, table },
      outputs: { y: { shape: storedShape(storage, shape) } },
      uniforms: { pairs, T, half: D2, direction },
      workgroups: spread(Math.ceil(pairs / lanes)),
    });
    return [isPackedGradient(x) ? asPackedGradient(y) : y];
  },
  gradient: {
    saveInputs: ['table'],
    backward: ([dy], [table], { layout, direction, shape }) => ({
      x: () => runRope(dy!, table!, layout, -direction, shape),
    }),
  },
});

/** Rotation by the fused kernel; x, float32 or packed half precision of `shape`, checked by the caller and not empty. */
export function runRope(
  x: tf.Tensor,
  table: tf.Tensor,
  layout: string,
  direction: number,
  shape: number[] = x.shape,
): tf.Tensor {
  return fused.run({ x, table }, { layout, direction, shape })[0]!;
}
