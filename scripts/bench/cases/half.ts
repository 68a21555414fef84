/**
 * Cases of half tensors, two bytes per number: the same kernels as for float32, and the products once by the plain kernel and
 * once by the matrix units where the device has them. What they are compared with is the float32 form between conversions
 * ('composed') and tfjs in float32 ('plain').
 */

import { type HalfTensor, toHalf } from '../../../src/compute/half/index.js';
import { matrixUnit } from '../../../src/compute/subgroup-matrix.js';
import { tf } from '../../../src/compute/tf.js';
import type { GpuBackend } from '../../../src/compute/webgpu-backend.js';
import { gatedActivation } from '../../../src/layers/activation/index.js';
import { attention } from '../../../src/layers/attention/index.js';
import { matmul } from '../../../src/layers/matmul/index.js';
import { rmsNorm } from '../../../src/layers/norm/index.js';
import { rope } from '../../../src/layers/position/index.js';
import { softmax } from '../../../src/layers/softmax/index.js';
import type { AttentionSizes } from './attention.js';
import { type BenchCase, type Path, wordBytes } from './case.js';
import type { RowSizes } from './rows.js';

const halfBytes = 2;

interface HalfSizes {
  rows: RowSizes;
  rope: { H: number; T: number; D: number };
  gated: { rows: number; F: number };
  attention: readonly AttentionSizes[];
  matmul: { M: number; N: number; K: number };
}

export function halfCases({
  rows,
  rope: turned,
  gated,
  attention: heads,
  matmul: product,
}: HalfSizes): (() => BenchCase)[] {
  const gpu = tf.getBackend() === 'webgpu' ? (tf.backend() as GpuBackend).gpu : undefined;
  if (gpu && !gpu.features.includes('shader-f16')) return [];
  const units = gpu && matrixUnit(gpu) ? [false, true] : [false];
  return [
    () => rmsNormCase(rows),
    () => softmaxCase(rows),
    () => ropeCase(turned),
    () => gatedCase(gated),
    ...units.flatMap((unit) => [
      () => matmulCase(product, unit),
      ...heads.map((sizes) => () => attentionCase(sizes, unit)),
    ]),
  ];
}

/** One way per path, on half tensors of normal numbers. */
function halfCase(
  op: string,
  sizes: Record<string, number>,
  work: { bytes: number; flops: number },
  shapes: number[][],
  compute: (path: Path, inputs: HalfTensor[]) => HalfTensor,
  plain?: (...inputs: tf.Tensor[]) => tf.Tensor,
): BenchCase {
  const floats = shapes.map((shape) => tf.randomNormal(shape));
  const inputs = floats.map((x) => toHalf(x));
  return {
    name: `${op} forward`,
    op,
    gradient: false,
    sizes: { ...sizes },
    ...work,
    fused: () => compute('fused', inputs),
    composed: () => compute('composed', inputs),
    ...(plain && { plain: () => plain(...floats) }),
    dispose: () => tf.dispose([...floats, ...inputs]),
  };
}

function rmsNormCase(sizes: RowSizes): BenchCase {
  const { rows, C } = sizes;
  const n = rows * C;
  const work = { bytes: halfBytes * (2 * n + C), flops: 4 * n };
  return halfCase('rmsNorm f16', sizes, work, [[rows, C], [C]], (path, [x, gain]) =>
    rmsNorm(x!, gain!, { path }),
  );
}

function softmaxCase(sizes: RowSizes): BenchCase {
  const { rows, C } = sizes;
  const n = rows * C;
  const work = { bytes: halfBytes * 2 * n, flops: 5 * n };
  return halfCase(
    'softmax f16',
    sizes,
    work,
    [[rows, C]],
    (path, [x]) => softmax(x!, { path }),
    (x) => tf.softmax(x!),
  );
}

/** The table stays float32. */
function ropeCase({ H, T, D }: HalfSizes['rope']): BenchCase {
  const n = H * T * D;
  const positions = Array.from({ length: T }, (_, position) => position);
  const work = { bytes: halfBytes * 2 * n + wordBytes * T * D, flops: 3 * n };
  return halfCase('rope half f16', { B: 1, H, T, D }, work, [[1, H, T, D]], (path, [x]) =>
    rope(x!, positions, { layout: 'half', path }),
  );
}

function gatedCase({ rows, F }: HalfSizes['gated']): BenchCase {
  const n = rows * F;
  const shape = [rows, F];
  const work = { bytes: halfBytes * 3 * n, flops: 5 * n };
  return halfCase('swiglu f16', { rows, F }, work, [shape, shape], (path, [value, gate]) =>
    gatedActivation(value!, gate!, 'silu', { path }),
  );
}

function matmulCase({ M, N, K }: HalfSizes['matmul'], subgroupMatrix: boolean): BenchCase {
  const work = { bytes: halfBytes * (M * K + K * N + M * N), flops: 2 * M * N * K };
  return halfCase(
    subgroupMatrix ? 'matmul f16 matrix units' : 'matmul f16',
    { M, N, K },
    work,
    [
      [M, K],
      [K, N],
    ],
    (path, [a, b]) => matmul(a!, b!, { path, subgroupMatrix }),
    (a, b) => tf.matMul(a!, b!),
  );
}

/** Causal; operations as for float32. */
function attentionCase(sizes: AttentionSizes, subgroupMatrix: boolean): BenchCase {
  const { H, K, T, D } = sizes;
  const work = { bytes: halfBytes * (2 * H + 2 * K) * T * D, flops: 2 * H * T * T * D };
  return halfCase(
    subgroupMatrix ? 'attention f16 matrix units' : 'attention f16',
    { B: 1, ...sizes },
    work,
    [
      [1, H, T, D],
      [1, K, T, D],
      [1, K, T, D],
    ],
    (path, [q, k, v]) => attention(q!, k!, v!, { causal: true, path, subgroupMatrix }),
  );
}
