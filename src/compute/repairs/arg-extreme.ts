/**
 * argMax and argMin pass over NaN (as tfjs's own tests ask) and choose the first of equal values. tfjs's kernels stay at a
 * NaN in the first place; on webgpu they also answer with any of equal values in rows longer than a workgroup, and with
 * shape [1] for a scalar.
 */
import { defineKernel } from '../kernel.js';
import { launch, spread } from '../launch.js';
import { sizeOf } from '../ndarray.js';
import { tf } from '../tf.js';
import type { GpuBackend } from '../webgpu-backend.js';
import {
  type Attributes,
  type Backend,
  type KernelBackend,
  makeTensor,
  overrideKernel,
  runKernel,
} from './override.js';

const names = { ArgMax: '>', ArgMin: '<' } as const;
const lanes = 64;

/** One workgroup per row. */
const searchKernel = (name: string, element: 'f32' | 'i32', better: '>' | '<') =>
  defineKernel({
    name,
    internal: true,
    inputs: { x: element },
    outputs: { y: 'i32' },
    uniforms: { rows: 'u32', n: 'u32' },
    code: `
fn isOdd(v: ${element}) -> bool { return ${element === 'f32' ? '(bitcast<u32>(v) & 0x7fffffffu) > 0x7f800000u' : 'false'}; }
fn before(v: ${element}, i: u32, w: ${element}, j: u32) -> bool {
  if (i == 0xffffffffu || j == 0xffffffffu) { return i < j; }
  if (isOdd(v) || isOdd(w)) { return !isOdd(v) || (isOdd(w) && i < j); }
  return v ${better} w || (v == w && i < j);
}
var<workgroup> best: array<${element}, ${lanes}>;
var<workgroup> index: array<u32, ${lanes}>;
@compute @workgroup_size(${lanes})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
        @builtin(local_invocation_index) lane: u32) {
  let row = group.x + group.y * groups.x;
  index[lane] = 0xffffffffu;
  for (var i = lane; i < u.n && row < u.rows; i += ${lanes}u) {
    let v = x[row * u.n + i];
    if (before(v, i, best[lane], index[lane])) { best[lane] = v; index[lane] = i; }
  }
  for (var reach = ${lanes / 2}u; reach > 0u; reach /= 2u) {
    workgroupBarrier();
    if (lane < reach && before(best[lane + reach], index[lane + reach], best[lane], index[lane])) {
      best[lane] = best[lane + reach];
      index[lane] = index[lane + reach];
    }
  }
  if (lane == 0u && row < u.rows) { y[row] = i32(index[0]); }
}`,
  });

const onGpu = Object.fromEntries(
  Object.entries(names).flatMap(([name, better]) => [
    [`${name} float32`, searchKernel(`repair.${name}`, 'f32', better)],
    [`${name} int32`, searchKernel(`repair.${name}.int32`, 'i32', better)],
  ]),
);

export function repairArgExtremes(backendName: Backend): void {
  for (const [name, better] of Object.entries(names)) {
    overrideKernel(name, backendName, (original) => (inputs, attrs, backend) => {
      const x = inputs.x!;
      if (sizeOf(x.shape) === 0) return original(inputs, attrs, backend);
      if (backendName === 'webgpu') {
        const kernel = onGpu[`${name} ${x.dtype === 'float32' ? 'float32' : 'int32'}`]!;
        return byRows(x, attrs, backendName, backend, (rows, n, turned) => {
          const uniforms = { rows, n };
          const outputs = { y: { shape: [rows] } };
          return launch(backend as unknown as GpuBackend, kernel, {
            inputs: { x: turned },
            outputs,
            uniforms,
            workgroups: spread(rows),
          }).y;
        });
      }
      const values = backend.readSync(x.dataId) as Float32Array;
      if (x.dtype !== 'float32' || !values.some(Number.isNaN)) return original(inputs, attrs, backend);
      return byRows(x, attrs, backendName, backend, (rows, n, turned) => {
        const all = backend.readSync(turned.dataId) as Float32Array;
        const found = Int32Array.from({ length: rows }, (_, row) => search(all, row * n, n, better === '>'));
        return makeTensor(backend, [rows], 'int32', found);
      });
    });
  }
}

/** The axis brought to the end, everything before it folded into rows. */
function byRows(
  x: tf.TensorInfo,
  attrs: Attributes,
  backendName: Backend,
  backend: KernelBackend,
  compute: (rows: number, n: number, turned: tf.TensorInfo) => tf.TensorInfo,
): tf.TensorInfo {
  const rank = x.shape.length;
  const [axis = 0] = tf.util.parseAxisParam((attrs.axis as number | undefined) ?? 0, x.shape);
  const n = x.shape[axis] ?? 1;
  const perm = [...x.shape.keys()].filter((other) => other !== axis);
  const shape = perm.map((other) => x.shape[other]!);
  const inner = rank < 2 || axis === rank - 1;
  const turned = inner ? x : runKernel('Transpose', backendName, backend, { x }, { perm: [...perm, axis] });
  const result = compute(sizeOf(shape), n, turned);
  if (!inner) backend.disposeData(turned.dataId);
  return { ...result, shape };
}

function search(values: Float32Array, from: number, n: number, largest: boolean): number {
  let best = -1;
  for (let i = 0; i < n; i++) {
    const value = values[from + i]!;
    if (Number.isNaN(value)) continue;
    const champion = values[from + best]!;
    if (best < 0 || (largest ? value > champion : value < champion)) best = i;
  }
  return Math.max(best, 0);
}
