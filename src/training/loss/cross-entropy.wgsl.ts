/**
 * Fused cross-entropy for the GPU, a workgroup per position. Forward: one pass over the logits finds their maximum m and
 * l, the sum of e^(x - m) (online, Milakov & Gimelshein 2018, arXiv:1805.02867); (m, l) is all that is kept. Backward
 * recomputes softmax from them and writes (softmax - onehot) dy: the gradient is the only thing as large as the logits. Label
 * smoothing reads the row a second time for the sum of its logits, while it is in the cache; z-loss needs (m, l) only.
 */
import { registerFused } from '../../compute/fused.js';
import { defineKernel } from '../../compute/kernel.js';
import { spread } from '../../compute/launch.js';
import {
  lanes,
  type RowVariant,
  rowCode,
  rowElement,
  rowEntry,
  rowExtensions,
  rowVariant,
} from '../../compute/rows.wgsl.js';
import { gradientOf, storageOf, storageSuffix } from '../../compute/storage.js';
import type { tf } from '../../compute/tf.js';
import { remember } from '../../compute/variants.js';
import { onlineRow } from '../../layers/softmax/softmax.wgsl.js';

export const crossEntropyKernel = 'KernelbookCrossEntropy';

/** What the target asks for. */
export type TargetShares = {
  /** Of the target itself: 1 without label smoothing. */
  hot: number;
  /** Of every token: 0 without label smoothing. */
  each: number;
  /** Factor of the squared log-sum-exp. */
  zLoss: number;
};

const uniforms = {
  groups: 'u32',
  columns: 'u32',
  V: 'i32',
  ignored: 'i32',
  hot: 'f32',
  each: 'f32',
  zLoss: 'f32',
} as const;

/** Absent terms are absent from the code: 0 times an infinite logit would be NaN. */
interface LossVariant extends RowVariant {
  smooth: boolean;
  square: boolean;
}

const smoothing = `
  var below = 0.0;
  for (var c = lane; c < u.columns; c += ${lanes}u) { below += across(V(x[start + c]) - row.x); }
  let rest = workgroupSum(below * u.each, lane);`;

/** Adds the target's share to a column (or four): 1 where it is the target. */
const hot: Record<RowVariant['width'], string> = {
  1: 'fn hot(c: u32, target_id: i32) -> V { return select(0.0, 1.0, i32(c) == target_id); }',
  4: `fn hot(c: u32, target_id: i32) -> V {
  return select(V(), V(1.0), vec4i(i32(c) * 4) + vec4i(0, 1, 2, 3) == vec4i(target_id));
}`,
};

const forward = remember((variant: LossVariant) =>
  defineKernel({
    name: `crossEntropy.forward${storageSuffix(variant.storage)}`,
    inputs: { x: rowElement(variant), ids: 'i32' },
    outputs: { losses: 'f32', stats: 'vec2<f32>' },
    uniforms,
    extensions: rowExtensions(variant),
    code: `${rowCode(variant)}${onlineRow}
fn square(a: f32) -> f32 { return a * a; }${rowEntry(variant)}
  let id = ids[index];
  if (id == u.ignored) {
    if (lane == 0u) { losses[index] = 0.0; }
    return;
  }
  let start = index * u.columns;
  let row = onlineRow(start, u.columns, lane);${variant.smooth ? smoothing : ''}
  if (lane == 0u) {
    stats[index] = row;
    // Outside the vocabulary nothing may be read; what is NaN must not be a constant expression.
    var logit = bitcast<f32>(0x7fc00000u | (index >> 31u));
    if (id >= 0 && id < u.V) {
      logit = f32(x[start + u32(id)${variant.width === 4 ? ' / 4u][u32(id) % 4u' : ''}]);
    }
    losses[index] = log(row.y) - (logit - row.x)${variant.smooth ? ' * u.hot - rest' : ''}${variant.square ? ' + square(row.x + log(row.y)) * u.zLoss' : ''};
  }
}`,
  }),
);

const backward = remember((variant: RowVariant) =>
  defineKernel({
    name: `crossEntropy.backward${storageSuffix(variant.storage)}`,
    inputs: { x: rowElement(variant), ids: 'i32', stats: 'vec2<f32>', dy: 'f32' },
    outputs: { dx: rowElement(variant) },
    uniforms,
    extensions: rowExtensions(variant),
    code: `${rowCode(variant)}${hot[variant.width]}${rowEntry(variant)}
  let start = index * u.columns;
  let id = ids[index];
  let row = stats[index];
  let scale = (1.0 + 2.0 * u.zLoss * (row.x + log(row.y))) / row.y;
  for (var c = lane; c < u.columns; c += ${lanes}u) {
    var share = V();
    if (id != u.ignored) { share = (exp(V(x[start + c]) - row.x) * scale - hot(c, id) * u.hot - u.each) * dy[index]; }
    dx[start + c] = W(share);
  }
}`,
  }),
);

/** `shape` of the logits [N,V], which a packed half tensor does not have. */
type Attributes = TargetShares & { ignored: number; shape: number[] };

function sizes({ shape, ...numbers }: Attributes, { width }: RowVariant) {
  const [N, V] = shape as [number, number];
  return { uniforms: { ...numbers, groups: N, columns: V / width, V }, workgroups: spread(N) };
}

const fusedGradient = registerFused({
  name: 'KernelbookCrossEntropyGradient',
  inputs: ['x', 'ids', 'stats', 'dy'],
  forward: (inputs, attributes: Attributes, launch) => {
    const variant = rowVariant(attributes.shape[1]!, storageOf(inputs.x));
    const { dx } = launch(backward(variant), {
      inputs,
      outputs: { dx: { shape: inputs.x.shape } },
      ...sizes(attributes, variant),
    });
    return [gradientOf(variant.storage, dx)];
  },
});

const fused = registerFused({
  name: crossEntropyKernel,
  inputs: ['x', 'ids'],
  forward: (inputs, attributes: Attributes, launch) => {
    const [N, V] = attributes.shape as [number, number];
    const { each, zLoss } = attributes;
    const variant = { ...rowVariant(V, storageOf(inputs.x)), smooth: each > 0, square: zLoss > 0 };
    const { losses, stats } = launch(forward(variant), {
      inputs,
      outputs: { losses: { shape: [N] }, stats: { shape: [N, 2] } },
      ...sizes(attributes, variant),
    });
    return [losses, stats];
  },
  gradient: {
    saveInputs: ['x', 'ids'],
    saveOutputs: [false, true],
    backward: ([dy], saved, attributes) => {
      const [x, ids, stats] = saved as [tf.Tensor, tf.Tensor, tf.Tensor];
      return { x: () => fusedGradient.run({ x, ids, stats, dy: dy! }, attributes)[0]! };
    },
  },
});

/**
 * The loss of every position, 0 where ignored, in float32: logits float32 or packed half precision of `shape` [N,V] and ids
 * [N], checked by the caller and not empty -> [N].
 */
export function runCrossEntropy(
  logits: tf.Tensor,
  ids: tf.Tensor,
  { ignoreIndex, hot, each, zLoss }: TargetShares & { ignoreIndex: number },
  shape: [number, number],
): tf.Tensor {
  const attributes = { ignored: Math.trunc(ignoreIndex), hot, each, zLoss, shape };
  const [losses, stats] = fused.run({ x: logits, ids }, attributes) as [tf.Tensor, tf.Tensor];
  stats.dispose();
  return losses;
}
