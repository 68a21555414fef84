/** Cases of kernels that work on elements: RoPE, gated units, AdamW. */

import { tf } from '../../../src/compute/tf.js';
import { gatedActivation } from '../../../src/layers/activation/index.js';
import { rope } from '../../../src/layers/position/index.js';
import { adamW, Optimizer } from '../../../src/training/optimizer/index.js';
import { type BenchCase, named, type Path, ways, wordBytes } from './case.js';

/** Reads x and the table, writes y: four products and two sums per pair. The gradient is the same kernel. */
export function ropeCase(
  sizes: { H: number; T: number; D: number },
  layout: 'interleaved' | 'half',
): BenchCase {
  const { H, T, D } = sizes;
  const n = H * T * D;
  const positions = Array.from({ length: T }, (_, position) => position);
  return {
    name: `rope ${layout}`,
    op: `rope ${layout}`,
    gradient: false,
    sizes: { B: 1, ...sizes },
    bytes: wordBytes * (2 * n + T * D),
    flops: 3 * n,
    ...ways(
      [tf.randomNormal([1, H, T, D])],
      [1, H, T, D],
      false,
      (path) => (x) => rope(x!, positions, { layout, path }),
    ),
  };
}

/**
 * value silu(gate), the middle of SwiGLU. Forward: 5 operations per element (exp, sum, division, two products). Gradient: 11
 * (the sigmoid and silu again, dv, four for the derivative, two for dg).
 */
export function swiGluCase(sizes: { rows: number; F: number }, gradient: boolean): BenchCase {
  const { rows, F } = sizes;
  const n = rows * F;
  return {
    ...named('swiglu', gradient),
    sizes: { ...sizes },
    bytes: wordBytes * (gradient ? 8 * n : 3 * n),
    flops: gradient ? 16 * n : 5 * n,
    ...ways(
      [tf.randomNormal([rows, F]), tf.randomNormal([rows, F])],
      [rows, F],
      gradient,
      (path) => (value, gate) => gatedActivation(value!, gate!, 'silu', { path }),
      (value, gate) => tf.mul(value!, tf.mul(gate!, tf.sigmoid(gate!))),
    ),
  };
}

/**
 * A step: reads parameter, gradient and two moments, writes parameter and moments; 14 operations per element. tfjs alone has
 * Adam without weight decay.
 */
export function adamWCase(sizes: { N: number }): BenchCase {
  const { N } = sizes;
  const gradient = tf.randomNormal([N]);
  const variables: tf.Variable[] = [];
  const optimizers: { dispose(): void }[] = [];
  const variable = () => {
    const made = tf.tidy(() => tf.variable(tf.randomNormal([N])));
    variables.push(made);
    return made;
  };
  const work = (path: Path) => {
    const optimizer = new Optimizer([variable()], adamW({ path }));
    optimizers.push(optimizer);
    return () => optimizer.step([gradient]);
  };
  const own = variable();
  const adam = tf.train.adam();
  optimizers.push(adam);
  return {
    name: 'adamW step',
    op: 'adamW',
    gradient: false,
    sizes: { ...sizes },
    bytes: wordBytes * 7 * N,
    flops: 14 * N,
    fused: work('fused'),
    composed: work('composed'),
    plain: () => adam.applyGradients([{ name: own.name, tensor: gradient }]),
    dispose: () => {
      for (const optimizer of optimizers) optimizer.dispose();
      tf.dispose([gradient, ...variables]);
    },
  };
}
