/**
 * Fused RMSNorm for the GPU. Forward: one workgroup per row, one pass to sum the squares and one to write; only a row
 * whose sum leaves the range of float32 is summed again, rescaled. It keeps (factor, inverse) per row, with
 * n = (x * factor) * inverse. Backward: one workgroup per chunk of rows gives dx and the chunk's share of dgain, each
 * thread owning whole columns, so that there are neither atomics nor a limit on C.
 */
import { registerFused } from '../compute/fused.js';
import { defineKernel, spread } from '../compute/launch.js';
import { sizeOf } from '../compute/ndarray.js';
import {
  lanes,
  type RowVariant,
  rowCode,
  rowElement,
  rowEntry,
  rowExtensions,
  rowVariant,
} from '../compute/rows.wgsl.js';
import { tf } from '../compute/tf.js';
import { remember } from '../compute/variants.js';

export const rmsNormKernel = 'KernelbookRmsNorm';

/** Rows per workgroup of the backward kernel are chosen to give about this many workgroups, at most `maxChunk`. */
const targetGroups = 512;
const maxChunk = 64;

const forward = remember((variant: RowVariant) =>
  defineKernel({
    name: 'rmsNorm.forward',
    inputs: { x: rowElement(variant), gain: rowElement(variant) },
    outputs: { y: rowElement(variant), rows: 'vec2<f32>' },
    uniforms: {
      groups: 'u32',
      columns: 'u32',
      C: 'f32',
      eps: 'f32',
      epsLarge: 'f32',
      epsSmall: 'f32',
      rescueSmall: 'u32',
    },
    extensions: rowExtensions(variant),
    code: `${rowCode(variant)}
fn squares(start: u32, factor: f32, lane: u32) -> f32 {
  var sum = 0.0;
  for (var c = lane; c < u.columns; c += ${lanes}u) { let value = x[start + c] * factor; sum += across(value * value); }
  return workgroupSum(sum, lane);
}
${rowEntry(variant)}
  let start = index * u.columns;
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
  let inverse = inverseSqrt(sum / u.C + eps);
  for (var c = lane; c < u.columns; c += ${lanes}u) { y[start + c] = x[start + c] * factor * inverse * gain[c]; }
  if (lane == 0u) { rows[index] = vec2f(factor, inverse); }
}`,
  }),
);

const backward = remember((variant: RowVariant) =>
  defineKernel({
    name: 'rmsNorm.backward',
    inputs: { dy: rowElement(variant), x: rowElement(variant), gain: rowElement(variant), rows: 'vec2<f32>' },
    outputs: { dx: rowElement(variant), dgain: rowElement(variant) },
    uniforms: { groups: 'u32', N: 'u32', columns: 'u32', C: 'f32', chunk: 'u32' },
    extensions: rowExtensions(variant),
    code: `${rowCode(variant)}
var<workgroup> along: array<f32, ${maxChunk}>;
${rowEntry(variant)}
  let first = index * u.chunk;
  let count = min(u.chunk, u.N - first);
  for (var r = 0u; r < count; r++) {
    let start = (first + r) * u.columns;
    let scale = rows[first + r];
    var sum = 0.0;
    for (var c = lane; c < u.columns; c += ${lanes}u) {
      sum += across(dy[start + c] * gain[c] * (x[start + c] * scale.x * scale.y));
    }
    let total = workgroupSum(sum, lane);
    if (lane == 0u) { along[r] = total / u.C; }
  }
  workgroupBarrier();
  for (var c = lane; c < u.columns; c += ${lanes}u) {
    var share = V();
    for (var r = 0u; r < count; r++) {
      let at = (first + r) * u.columns + c;
      let scale = rows[first + r];
      let n = x[at] * scale.x * scale.y;
      dx[at] = (dy[at] * gain[c] - n * along[r]) * scale.y * scale.x;
      share += dy[at] * n;
    }
    dgain[index * u.columns + c] = share;
  }
}`,
  }),
);

const fusedGradient = registerFused({
  name: 'KernelbookRmsNormGradient',
  inputs: ['dy', 'x', 'gain', 'rows'],
  forward: ({ dy, x, gain, rows }, _attributes: Record<string, never>, launch) => {
    const C = gain.shape[0]!;
    const N = sizeOf(x.shape) / C;
    const chunk = Math.min(maxChunk, Math.ceil(N / targetGroups));
    const chunks = Math.ceil(N / chunk);
    const variant = rowVariant(C);
    const { dx, dgain } = launch(backward(variant), {
      inputs: { dy, x, gain, rows },
      outputs: { dx: { shape: x.shape }, dgain: { shape: [chunks, C] } },
      uniforms: { groups: chunks, N, columns: C / variant.width, C, chunk },
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
    const variant = rowVariant(C);
    const { y, rows } = launch(forward(variant), {
      inputs: { x, gain },
      outputs: { y: { shape: x.shape }, rows: { shape: [N, 2] } },
      uniforms: {
        groups: N,
        columns: C / variant.width,
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
