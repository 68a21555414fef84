/**
 * What `kernelbook bench gpu` runs: every fused kernel and the composed form of the same component, on the same inputs,
 * with the bytes that must move and the operations that must be done. Conventions: float32, each input read once and
 * each output written once (nothing between kernels counts); a multiply-add is two operations; attention has two
 * products of 2·B·H·T·S·D each, halved where causal, and five of them in its gradient (FlashAttention's convention).
 */

import { attention } from '../../src/attention/index.js';
import { tf } from '../../src/compute/tf.js';
import { rmsNorm } from '../../src/norm/index.js';
import { rope } from '../../src/position/index.js';
import type { Work } from '../../src/profile/index.js';

export interface BenchCase {
  name: string;
  /** The sizes, in the project's axis letters. */
  shape: string;
  bytes: number;
  flops: number;
  fused: Work;
  composed: Work;
  /** Frees the inputs. */
  dispose(): void;
}

/** `tiny` only shows that everything runs; `small` suits software Vulkan; `large` keeps a data-centre GPU busy. */
export type BenchSize = 'tiny' | 'small' | 'large';

export const benchSizes: readonly BenchSize[] = ['tiny', 'small', 'large'];

interface Sizes {
  norm: { rows: number; C: number };
  rope: { H: number; T: number; D: number };
  attention: readonly { H: number; K: number; T: number; D: number }[];
}

const sizes: Record<BenchSize, Sizes> = {
  tiny: { norm: { rows: 4, C: 32 }, rope: { H: 1, T: 4, D: 8 }, attention: [{ H: 2, K: 1, T: 8, D: 8 }] },
  small: {
    norm: { rows: 1024, C: 1024 },
    rope: { H: 8, T: 512, D: 64 },
    attention: [{ H: 4, K: 2, T: 256, D: 64 }],
  },
  large: {
    norm: { rows: 8192, C: 4096 },
    rope: { H: 32, T: 8192, D: 128 },
    attention: [
      { H: 16, K: 4, T: 2048, D: 64 },
      { H: 16, K: 4, T: 2048, D: 128 },
    ],
  },
};

const float = 4;

/** The cases of a size, each made when it is its turn, so that only one set of inputs is held. */
export function benchCases(size: BenchSize): (() => BenchCase)[] {
  const { norm, rope: rotary, attention: heads } = sizes[size];
  return [
    () => normCase(norm, false),
    () => normCase(norm, true),
    () => ropeCase(rotary, 'interleaved'),
    () => ropeCase(rotary, 'half'),
    ...heads.flatMap((one) => [() => attentionCase(one, false), () => attentionCase(one, true)]),
  ];
}

type Path = 'fused' | 'composed';

/** Inputs, and the two ways to compute `value` (with `gradient`: value and all gradients) of them. */
function ways(
  inputs: tf.Tensor[],
  outputShape: number[],
  gradient: boolean,
  value: (path: Path) => (...inputs: tf.Tensor[]) => tf.Tensor,
): Pick<BenchCase, 'fused' | 'composed' | 'dispose'> {
  const dy = gradient ? tf.randomNormal(outputShape) : undefined;
  const work = (path: Path): Work => {
    const f = value(path);
    if (!dy) return () => f(...inputs);
    const gradients = tf.grads(f);
    return () => gradients(inputs, dy);
  };
  return {
    fused: work('fused'),
    composed: work('composed'),
    dispose: () => tf.dispose([...inputs, ...(dy ? [dy] : [])]),
  };
}

/**
 * Forward reads x and writes y: 4 operations per element (square, sum, two products). The gradient reads x and dy and
 * writes dx: 9 per element (gain dy, n, its product and sum, the difference from it, r, dgain's product and sum).
 */
function normCase({ rows, C }: Sizes['norm'], gradient: boolean): BenchCase {
  const n = rows * C;
  return {
    name: gradient ? 'rmsNorm forward + gradient' : 'rmsNorm forward',
    shape: `rows ${rows}, C ${C}`,
    bytes: float * (gradient ? 5 * n + 3 * C : 2 * n + C),
    flops: gradient ? 13 * n : 4 * n,
    ...ways(
      [tf.randomNormal([rows, C]), tf.randomNormal([C])],
      [rows, C],
      gradient,
      (path) => (x, gain) => rmsNorm(x!, gain!, { path }),
    ),
  };
}

/** Reads x and the table, writes y: four products and two sums per pair. The gradient is the same kernel. */
function ropeCase({ H, T, D }: Sizes['rope'], layout: 'interleaved' | 'half'): BenchCase {
  const n = H * T * D;
  const positions = Array.from({ length: T }, (_, position) => position);
  return {
    name: `rope ${layout}`,
    shape: `B 1, H ${H}, T ${T}, D ${D}`,
    bytes: float * (2 * n + T * D),
    flops: 3 * n,
    ...ways(
      [tf.randomNormal([1, H, T, D])],
      [1, H, T, D],
      false,
      (path) => (x) => rope(x!, positions, { layout, path }),
    ),
  };
}

function attentionCase({ H, K, T, D }: Sizes['attention'][number], gradient: boolean): BenchCase {
  const q = H * T * D;
  const kv = 2 * K * T * D;
  const forward = 4 * H * T * T * D * 0.5;
  return {
    name: gradient ? 'attention forward + gradient' : 'attention forward',
    shape: `B 1, H ${H}, K ${K}, T ${T}, D ${D}, causal`,
    // Forward: q, k, v in, output out. Gradient: those four and the output's gradient in, dq, dk, dv out.
    bytes: float * (2 * q + kv + (gradient ? 4 * q + 2 * kv : 0)),
    flops: gradient ? 3.5 * forward : forward,
    ...ways(
      [tf.randomNormal([1, H, T, D]), tf.randomNormal([1, K, T, D]), tf.randomNormal([1, K, T, D])],
      [1, H, T, D],
      gradient,
      (path) => (query, key, value) => attention(query!, key!, value!, { causal: true, path }),
    ),
  };
}
