/**
 * Fused cross-entropy for the GPU, a workgroup per position. Forward: one pass over the logits finds their maximum m and
 * l, the sum of e^(x - m) (online, Milakov & Gimelshein 2018, arXiv:1805.02867); (m, l) is all that is kept. Backward
 * recomputes softmax from them and writes (softmax - onehot) dy: the gradient is the only thing as large as the logits.
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

const uniforms = { groups: 'u32', columns: 'u32', V: 'i32', ignored: 'i32' } as const;

/** Adds the target's share to a column (or four): 1 where it is the target. */
const hot: Record<RowVariant['width'], string> = {
  1: 'fn hot(c: u32, target_id: i32) -> V { return select(0.0, 1.0, i32(c) == target_id); }',
  4: `fn hot(c: u32, target_id: i32) -> V {
  return select(V(), V(1.0), vec4i(i32(c) * 4) + vec4i(0, 1, 2, 3) == vec4i(target_id));
}`,
};

const forward = remember((variant: RowVariant) =>
  defineKernel({
    name: `crossEntropy.forward${storageSuffix(variant.storage)}`,
    inputs: { x: rowElement(variant), ids: 'i32' },
    outputs: { losses: 'f32', stats: 'vec2<f32>' },
    uniforms,
    extensions: rowExtensions(variant),
    code: `${rowCode(variant)}${onlineRow}${rowEntry(variant)}
  let id = ids[index];
  if (id == u.ignored) {
    if (lane == 0u) { losses[index] = 0.0; }
    return;
  }
  let start = index * u.columns;
  let row = onlineRow(start, u.columns, lane);
  if (lane == 0u) {
    stats[index] = row;
    // Outside the vocabulary nothing may be read; what is NaN must not be a constant expression.
    var logit = bitcast<f32>(0x7fc00000u | (index >> 31u));
    if (id >= 0 && id < u.V) {
      logit = f32(x[start + u32(id)${variant.width === 4 ? ' / 4u][u32(id) % 4u' : ''}]);
    }
    losses[index] = log(row.y) - (logit - row.x);
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
  let inverse = 1.0 / row.y;
  for (var c = lane; c < u.columns; c += ${lanes}u) {
    var share = V();
    if (id != u.ignored) { share = (exp(V(x[start + c]) - row.x) * inverse - hot(c, id)) * dy[index]; }
    dx[start + c] = W(share);
  }
}`,
  }),
);

function sizes(shape: readonly number[], { width }: RowVariant, ignored: number) {
  const [N, V] = shape as [number, number];
  return { uniforms: { groups: N, columns: V / width, V, ignored }, workgroups: spread(N) };
}

/** `shape` of the logits [N,V], which a packed half tensor does not have. */
type Attributes = { ignored: number; shape: number[] };

const fusedGradient = registerFused({
  name: 'KernelbookCrossEntropyGradient',
  inputs: ['x', 'ids', 'stats', 'dy'],
  forward: (inputs, { ignored, shape }: Attributes, launch) => {
    const variant = rowVariant(shape[1]!, storageOf(inputs.x));
    const { dx } = launch(backward(variant), {
      inputs,
      outputs: { dx: { shape: inputs.x.shape } },
      ...sizes(shape, variant, ignored),
    });
    return [gradientOf(variant.storage, dx)];
  },
});

const fused = registerFused({
  name: crossEntropyKernel,
  inputs: ['x', 'ids'],
  forward: (inputs, { ignored, shape }: Attributes, launch) => {
    const [N, V] = shape as [number, number];
    const variant = rowVariant(V, storageOf(inputs.x));
    const { losses, stats } = launch(forward(variant), {
      inputs,
      outputs: { losses: { shape: [N] }, stats: { shape: [N, 2] } },
      ...sizes(shape, variant, ignored),
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
  ignoreIndex: number,
  shape: [number, number],
): tf.Tensor {
  const ignored = Math.trunc(ignoreIndex);
  const [losses, stats] = fused.run({ x: logits, ids }, { ignored, shape }) as [tf.Tensor, tf.Tensor];
  stats.dispose();
  return losses;
}
