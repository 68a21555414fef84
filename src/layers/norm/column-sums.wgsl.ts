/**
 * The columns of a matrix added up, without the transposed copy that tfjs makes for a sum over the first axis. A workgroup
 * takes `across` columns (or fours of them), `down` threads each; the same bits every run.
 */
import type { Launch } from '../../compute/fused.js';
import { defineKernel } from '../../compute/kernel.js';
import { spread } from '../../compute/launch.js';
import { elementOf, type Storage, storageExtensions, storedShape } from '../../compute/storage.js';
import { tf } from '../../compute/tf.js';
import { remember } from '../../compute/variants.js';
import type { GpuBackend } from '../../compute/webgpu-backend.js';

const across = 8;
const down = 16;

type SumVariant = { name: string; width: 1 | 4; storage: Storage };

const kernel = remember(({ name, width, storage }: SumVariant) => {
  const element = elementOf('f32', width);
  const written = elementOf(storage, width);
  return defineKernel({
    name,
    inputs: { x: element },
    outputs: { y: written },
    uniforms: { rows: 'u32', columns: 'u32' },
    extensions: storageExtensions(storage),
    code: `
var<workgroup> shares: array<${element}, ${across * down}>;
@compute @workgroup_size(${across * down})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
        @builtin(local_invocation_index) lane: u32) {
  let column = (group.x + group.y * groups.x) * ${across}u + lane % ${across}u;
  var sum = ${element}();
  if (column < u.columns) {
    for (var r = lane / ${across}u; r < u.rows; r += ${down}u) { sum += x[r * u.columns + column]; }
  }
  shares[lane] = sum;
  for (var step = ${(across * down) / 2}u; step >= ${across}u; step >>= 1u) {
    workgroupBarrier();
    if (lane < step) { shares[lane] += shares[lane + step]; }
  }
  if (lane < ${across}u && column < u.columns) { y[column] = ${written}(shares[lane]); }
}`,
  });
});

/** x [R,C], float32 -> [C], stored as asked for, by a kernel of that name; takes x over. */
export function sumColumns(
  launch: Launch,
  name: string,
  x: tf.TensorInfo,
  storage: Storage = 'f32',
): tf.TensorInfo {
  const [rows, C] = x.shape as [number, number];
  const width = C % 4 === 0 ? 4 : 1;
  const columns = C / width;
  const { y } = launch(kernel({ name, width, storage }), {
    inputs: { x },
    outputs: { y: { shape: storedShape(storage, [C]) } },
    uniforms: { rows, columns },
    workgroups: spread(Math.ceil(columns / across)),
  });
  (tf.backend() as GpuBackend).disposeData(x.dataId);
  return y;
}
