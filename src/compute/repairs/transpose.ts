/**
 * Transposing int32 and bool tensors on webgpu: tfjs writes the result with its setter for floats, which is
 * invalid WGSL, and the GPU then drops the whole batch of commands.
 */

import { defineKernel } from '../kernel.js';
import { launch } from '../launch.js';
import { sizeOf } from '../ndarray.js';
import type { tf } from '../tf.js';
import type { GpuBackend } from '../webgpu-backend.js';
import { eachElement, workgroupsFor } from './elements.js';
import { type KernelBackend, makeTensor, overrideKernel } from './override.js';

const maxRank = 6;
const axes = Array.from({ length: maxRank }, (_, axis) => axis);
type Axis = 0 | 1 | 2 | 3 | 4 | 5;

/** `eN` is the extent of output axis N, `sN` the input's stride along it; missing axes come first, with extent 1. */
const permute = defineKernel({
  name: 'repair.transpose',
  internal: true,
  inputs: { x: 'i32' },
  outputs: { y: 'i32' },
  uniforms: Object.fromEntries([
    ['n', 'u32'],
    ...axes.flatMap((axis) => [
      [`e${axis}`, 'u32'],
      [`s${axis}`, 'u32'],
    ]),
  ]) as Record<'n' | `e${Axis}` | `s${Axis}`, 'u32'>,
  code: eachElement(`var rest = i;
  var source = 0u;
  ${[...axes]
    .reverse()
    .map((axis) => `source += (rest % u.e${axis}) * u.s${axis}; rest /= u.e${axis};`)
    .join('\n  ')}
  y[i] = x[source];`),
});

/** Transposes an int32 or bool tensor. @throws Error above rank 6. */
export function transposeIntegers(x: tf.TensorInfo, perm: number[], backend: KernelBackend): tf.TensorInfo {
  const rank = perm.length;
  if (rank > maxRank) {
    throw new Error(`transpose: shape [${x.shape}] has rank ${rank}; webgpu handles at most ${maxRank}`);
  }
  const shape = perm.map((axis) => x.shape[axis]!);
  const n = sizeOf(shape);
  const dtype = x.dtype as 'int32' | 'bool';
  if (n === 0) return makeTensor(backend, shape, dtype, new Int32Array(0));
  const uniforms: Record<string, number> = { n };
  for (const axis of axes) {
    const source = perm[axis - (maxRank - rank)];
    uniforms[`e${axis}`] = source === undefined ? 1 : x.shape[source]!;
    uniforms[`s${axis}`] = source === undefined ? 0 : sizeOf(x.shape.slice(source + 1));
  }
  const { y } = launch(backend as unknown as GpuBackend, permute, {
    inputs: { x },
    outputs: { y: { shape, dtype } },
    uniforms: uniforms as Record<keyof NonNullable<typeof permute.uniforms>, number>,
    workgroups: workgroupsFor(n),
  });
  return y;
}

export function repairTranspose(): void {
  overrideKernel('Transpose', 'webgpu', (original) => (inputs, attrs, backend) => {
    const x = inputs.x!;
    const integer = x.dtype === 'int32' || x.dtype === 'bool';
    return integer ? transposeIntegers(x, attrs.perm as number[], backend) : original(inputs, attrs, backend);
  });
}
