/** The half-precision matrix product as a tfjs operation: which kernel runs, and what it is told. */
import { registerFused } from '../compute/fused.js';
import { spread } from '../compute/launch.js';
import { type Storage, storedShape } from '../compute/storage.js';
import { matrixUnit } from '../compute/subgroup-matrix.js';
import { tf } from '../compute/tf.js';
import { remember } from '../compute/variants.js';
import type { GpuBackend } from '../compute/webgpu-backend.js';
import { noGradient } from '../half/half-tensor.js';
import { widthOf } from './matmul-tile.wgsl.js';
import { acrossFor, matrixKernel, matrixTile } from './matrix-matmul.wgsl.js';
import { tiledKernel, tiledTile } from './tiled-matmul.wgsl.js';

export const matmulKernel = 'KernelbookMatmulHalf';

/** What a product is made of; `batch` matrices, all with one b where `sharedB`. */
export type MatmulPlan = {
  batch: number;
  M: number;
  N: number;
  K: number;
  transposeA: boolean;
  transposeB: boolean;
  sharedB: boolean;
  output: Storage;
  /** Whether the matrix units may be used. */
  subgroupMatrix: boolean;
};

const tiled = remember(tiledKernel);
const matrix = remember(matrixKernel);

const fused = registerFused({
  name: matmulKernel,
  inputs: ['a', 'b'],
  forward: (inputs, plan: MatmulPlan, launch) => {
    const { batch, M, N, K, transposeA, transposeB, sharedB, output, subgroupMatrix } = plan;
    const { gpu } = tf.backend() as GpuBackend;
    const variant = {
      transposeA,
      transposeB,
      output,
      widthA: widthOf(transposeA ? M : K),
      widthB: widthOf(transposeB ? K : N),
      widthC: widthOf(N),
    };
    const unit = subgroupMatrix ? matrixUnit(gpu) : undefined;
    const memory = gpu.device.limits.maxComputeWorkgroupStorageSize;
    const across = unit && acrossFor(unit, memory, gpu.hardware);
    const wide = unit && across ? { ...variant, ...unit, across } : undefined;
    const tile = wide ? matrixTile(wide) : tiledTile;
    const [tilesM, tilesN] = [Math.ceil(M / tile.M), Math.ceil(N / tile.N)];
    const total = batch * tilesM * tilesN;
    const { c } = launch(wide ? matrix(wide) : tiled(variant), {
      inputs,
      outputs: { c: { shape: storedShape(output, [batch, M, N]) } },
      uniforms: { M, N, K, tilesM, tilesN, total, strideB: sharedB ? 0 : K * N, steps: tile.steps },
      workgroups: spread(total),
    });
    return [c];
  },
  gradient: noGradient,
});

/** The product of packed half tensors: packed, or float32 [batch,M,N]; nothing in it may be empty. */
export function runMatmul(a: tf.Tensor, b: tf.Tensor, plan: MatmulPlan): tf.Tensor {
  return fused.run({ a, b }, plan)[0]!;
}
