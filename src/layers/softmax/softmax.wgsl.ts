/**
 * Fused softmax for the GPU, a workgroup per row. Forward is the online form (Milakov & Gimelshein 2018,
 * arXiv:1805.02867): one pass finds the maximum m and the sum l of e^(x - m) together, a second writes e^(x - m) / l.
 * Backward: dx = y (dy - sum(y dy)).
 */
import { registerFused } from '../../compute/fused.js';
import { defineKernel } from '../../compute/kernel.js';
import { spread } from '../../compute/launch.js';
import { sizeOf } from '../../compute/ndarray.js';
import {
  lanes,
  lowest,
  type RowVariant,
  rowCode,
  rowElement,
  rowEntry,
  rowExtensions,
  rowVariant,
} from '../../compute/rows.wgsl.js';
import { gradientOf, storageOf, storageSuffix, storedShape } from '../../compute/storage.js';
import type { tf } from '../../compute/tf.js';
import { remember } from '../../compute/variants.js';

export const softmaxKernel = 'KernelbookSoftmax';

const uniforms = { groups: 'u32', columns: 'u32' } as const;

/**
 * `onlineRow(start, columns, lane)` -> (m, l) of the row of `x` that starts there, by the online recurrence. A NaN makes l NaN
 * even where max() passes over it.
 */
export const onlineRow = `
fn onlineRow(start: u32, columns: u32, lane: u32) -> vec2f {
  var m = ${lowest};
  var l = 0.0;
  for (var c = lane; c < columns; c += ${lanes}u) {
    let value = V(x[start + c]);
    let larger = max(m, widest(value));
    l = l * exp(m - larger) + across(exp(value - larger));
    m = larger;
  }
  let largest = workgroupMax(m, lane);
  return vec2f(largest, workgroupSum(l * exp(m - largest), lane));
}`;

const forward = remember((variant: RowVariant) =>
  defineKernel({
    name: `softmax.forward${storageSuffix(variant.storage)}`,
    inputs: { x: rowElement(variant) },
    outputs: { y: rowElement(variant) },
    uniforms,
    extensions: rowExtensions(variant),
    code: `${rowCode(variant)}${onlineRow}${rowEntry(variant)}
  let start = index * u.columns;
  let row = onlineRow(start, u.columns, lane);
  for (var c = lane; c < u.columns; c += ${lanes}u) { y[start + c] = W(exp(V(x[start + c]) - row.x) / row.y); }
}`,
  }),
);

const backward = remember((variant: RowVariant) =>
  defineKernel({
    name: `softmax.backward${storageSuffix(variant.storage)}`,
    inputs: { y: rowElement(variant), dy: rowElement(variant) },
    outputs: { dx: rowElement(variant) },
    uniforms,
    extensions: rowExtensions(variant),
    code: `${rowCode(variant)}${rowEntry(variant)}
  let start = index * u.columns;
  var along = 0.0;
  for (var c = lane; c < u.columns; c += ${lanes}u) { along += across(V(y[start + c]) * V(dy[start + c])); }
  along = workgroupSum(along, lane);
  for (var c = lane; c < u.columns; c += ${lanes}u) {
    dx[start + c] = W(V(y[start + c]) * (V(dy[start + c]) - along));
  }
}`,
  }),
);

function sizes(shape: readonly number[], { width }: RowVariant) {
  const C = shape[shape.length - 1]!;
  const rows = sizeOf(shape) / C;
  return { uniforms: { groups: rows, columns: C / width }, workgroups: spread(rows) };
}

/** `shape` of x, which a packed half tensor does not have. */
type SoftmaxAttributes = { shape: number[] };

const fusedGradient = registerFused({
  name: 'KernelbookSoftmaxGradient',
  inputs: ['y', 'dy'],
  forward: ({ y, dy }, { shape }: SoftmaxAttributes, launch) => {
    const variant = rowVariant(shape.at(-1)!, storageOf(y));
    const { dx } = launch(backward(variant), {
      inputs: { y, dy },
      outputs: { dx: { shape: y.shape } },
      ...sizes(shape, variant),
    });
    return [gradientOf(variant.storage, dx)];
  },
});

const fused = registerFused({
  name: softmaxKernel,
  inputs: ['x'],
  forward: ({ x }, { shape }: SoftmaxAttributes, launch) => {
    const variant = rowVariant(shape.at(-1)!, storageOf(x));
    const { y } = launch(forward(variant), {
      inputs: { x },
      outputs: { y: { shape: storedShape(variant.storage, shape) } },
      ...sizes(shape, variant),
    });
    return [y];
  },
  gradient: {
    saveOutputs: [true],
    backward: ([dy], [y], attributes) => ({ x: () => fusedGradient.run({ y: y!, dy: dy! }, attributes)[0]! }),
  },
});

/** softmax by the fused kernel; the input, float32 or packed half precision of `shape`, checked by the caller and not empty. */
export function runSoftmax(x: tf.Tensor, shape: number[] = x.shape): tf.Tensor {
  return fused.run({ x }, { shape })[0]!;
}
