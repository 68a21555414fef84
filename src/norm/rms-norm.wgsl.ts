/**
 * Fused RMSNorm for the GPU. Forward: one workgroup per row, one pass to sum the squares and one to write; only a row
 * whose sum leaves the range of float32 is summed again, rescaled. It keeps (factor, inverse) per row, with
 * n = (x * factor) * inverse. Backward: one workgroup per chunk of rows gives dx and the chunk's share of dgain, each
 * thread owning whole columns, so that there are neither atomics nor a limit on C.
 */
import { registerFused } from '../compute/fused.js';
import { defineKernel, spread } from '../compute/launch.js';
import { sizeOf } from '../compute/ndarray.js';
import { tf } from '../compute/tf.js';

export const rmsNormKernel = 'KernelbookRmsNorm';

/** Threads of a workgroup; each strides over the C columns of a row. */
const lanes = 128;
/** Rows per workgroup of the backward kernel are chosen to give about this many workgroups, at most `maxChunk`. */
const targetGroups = 512;
const maxChunk = 64;

const workgroupSum = `
var<workgroup> shares: array<f32, ${lanes}>;
fn workgroupSum(value: f32, lane: u32) -> f32 {
  shares[lane] = value;
  for (var step = ${lanes / 2}u; step > 0u; step >>= 1u) {
    workgroupBarrier();
    if (lane < step) { shares[lane] += shares[lane + step]; }
  }
  let total = workgroupUniformLoad(&shares[0]);
  return total;
}`;

const forward = defineKernel({
  name: 'rmsNorm.forward',
  inputs: { x: 'f32', gain: 'f32' },
  outputs: { y: 'f32', rows: 'vec2<f32>' },
  uniforms: { N: 'u32', C: 'u32', eps: 'f32', epsLarge: 'f32', epsSmall: 'f32', rescueSmall: 'u32' },
  code: `${workgroupSum}
fn squares(start: u32, factor: f32, lane: u32) -> f32 {
  var sum = 0.0;
  for (var c = lane; c < u.C; c += ${lanes}u) { let value = x[start + c] * factor; sum += value * value; }
  return workgroupSum(sum, lane);
}
@compute @workgroup_size(${lanes})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
        @builtin(local_invocation_index) lane: u32) {
  let row = group.x + group.y * groups.x;
  if (row >= u.N) { return; }
  let start = row * u.C;
  var factor = 1.0;
  var eps = u.eps;
  var sum = squares(start, 1.0, lane);
  // Bounds far inside the range, so that no partial sum has overflowed or vanished unnoticed.
  if (sum > 0x1p100) {
    factor = 0x1p-80;
    eps = u.epsLarge;
    sum = squares(start, factor, lane);
  } else if (sum < 0x1p-80 && u.rescueSmall == 1u) {
    factor = 0x1p80;
    eps = u.epsSmall;
    sum = squares(start, factor, lane);
  }
  let inverse = inverseSqrt(sum / f32(u.C) + eps);
  for (var c = lane; c < u.C; c += ${lanes}u) { y[start + c] = x[start + c] * factor * inverse * gain[c]; }
  if (lane == 0u) { rows[row] = vec2f(factor, inverse); }
}`,
});

const backward = defineKernel({
  name: 'rmsNorm.backward',
  inputs: { dy: 'f32', x: 'f32', gain: 'f32', rows: 'vec2<f32>' },
  outputs: { dx: 'f32', dgain: 'f32' },
  uniforms: { N: 'u32', C: 'u32', chunk: 'u32' },
  code: `${workgroupSum}
var<workgroup> along: array<f32, ${maxChunk}>;
@compute @workgroup_size(${lanes})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
        @builtin(local_invocation_index) lane: u32) {
  let index = group.x + group.y * groups.x;
  let first = index * u.chunk;
  if (first >= u.N) { return; }
  let count = min(u.chunk, u.N - first);
  for (var r = 0u; r < count; r++) {
    let start = (first + r) * u.C;
    let scale = rows[first + r];
    var sum = 0.0;
    for (var c = lane; c < u.C; c += ${lanes}u) {
      sum += dy[start + c] * gain[c] * (x[start + c] * scale.x * scale.y);
    }
    let total = workgroupSum(sum, lane);
    if (lane == 0u) { along[r] = total / f32(u.C); }
  }
  workgroupBarrier();
  for (var c = lane; c < u.C; c += ${lanes}u) {
    var share = 0.0;
    for (var r = 0u; r < count; r++) {
      let at = (first + r) * u.C + c;
      let scale = rows[first + r];
      let n = x[at] * scale.x * scale.y;
      dx[at] = (dy[at] * gain[c] - n * along[r]) * scale.y * scale.x;
      share += dy[at] * n;
    }
    dgain[index * u.C + c] = share;
  }
}`,
});

const fusedGradient = registerFused({
  name: 'KernelbookRmsNormGradient',
  inputs: ['dy', 'x', 'gain', 'rows'],
  forward: ({ dy, x, gain, rows }, _attributes: Record<string, never>, launch) => {
    const C = gain.shape[0]!;
    const N = sizeOf(x.shape) / C;
    const chunk = Math.min(maxChunk, Math.ceil(N / targetGroups));
    const chunks = Math.ceil(N / chunk);
    const { dx, dgain } = launch(backward, {
      inputs: { dy, x, gain, rows },
      outputs: { dx: { shape: x.shape }, dgain: { shape: [chunks, C] } },
      uniforms: { N, C, chunk },
      workgroups: spread(chunks),
    });
    return [dx, dgain];
  },
});

const fused = registerFused({
  name: rmsNormKernel,
  inputs: ['x', 'gain'],
  forward: ({ x, gain }, { eps }: { eps: number }, launch) => {
    const C = gain.shape[0]!;
    const N = sizeOf(x.shape) / C;
    const { y, rows } = launch(forward, {
      inputs: { x, gain },
      outputs: { y: { shape: x.shape }, rows: { shape: [N, 2] } },
      uniforms: {
        N,
        C,
        eps,
        epsLarge: eps * 2 ** -160,
        epsSmall: eps * 2 ** 160,
        rescueSmall: eps < 2 ** -96 ? 1 : 0,
      },
      workgroups: spread(N),
    });
    return [y, rows];
  },
  gradient: {
    saveInputs: ['x', 'gain'],
    saveOutputs: [false, true],
    backward: ([dy], saved) => {
      const [x, gain, rows] = saved as [tf.Tensor, tf.Tensor, tf.Tensor];
      // At once, not per input: tfjs disposes what one input's function leaves behind before it asks for the next.
      const [dx, shares] = fusedGradient.run({ dy: dy!, x, gain, rows }, {}) as [tf.Tensor, tf.Tensor];
      const dgain = tf.sum(shares, 0);
      return { x: () => dx, gain: () => dgain };
    },
  },
});

/** rmsNorm by the fused kernel; both inputs checked by the caller and not empty. */
export function runRmsNorm(x: tf.Tensor, gain: tf.Tensor, eps: number): tf.Tensor {
  const [y, rows] = fused.run({ x, gain }, { eps }) as [tf.Tensor, tf.Tensor];
  rows.dispose();
  return y;
}
