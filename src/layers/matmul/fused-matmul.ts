/**
 * The half-precision matrix product as a tfjs operation: which kernel runs, and what it is told. The
 * gradients of c = a b, dc b^T and a^T dc, are products of half tensors too, by the same kernels.
 */
import { registerFused } from '../../compute/fused.js';
import { gradientToFloat, gradientToHalf } from '../../compute/half/convert.js';
import { spread } from '../../compute/launch.js';
import { asPackedGradient, isPackedGradient } from '../../compute/packed-gradient.js';
import { storageOf, storedShape } from '../../compute/storage.js';
import { matrixUnit } from '../../compute/subgroup-matrix.js';
import { tf } from '../../compute/tf.js';
import { remember } from '../../compute/variants.js';
import type { GpuBackend } from '../../compute/webgpu-backend.js';
import { floatMatmul, type MatmulPlan, matrixShapes } from './float-matmul.js';
import { widthOf } from './matmul-tile.wgsl.js';
import { acrossFor, matrixKernel, matrixTile } from './matrix-matmul.wgsl.js';
import { tiledKernel, tiledTile } from './tiled-matmul.wgsl.js';

export const matmulKernel = 'KernelbookMatmulHalf';

const tiled = remember(tiledKernel);
const matrix = remember(matrixKernel);

const fused = registerFused({
  name: matmulKernel,
  inputs: ['a', 'b'],
  forward: (inputs, plan: MatmulPlan, launch) => {
    const { batch, M, N, K, transposeA, transposeB, sharedA, sharedB, output, subgroupMatrix } = plan;
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
      uniforms: {
        ...{ M, N, K, tilesM, tilesN, total },
        strideA: sharedA ? 0 : M * K,
        strideB: sharedB ? 0 : K * N,
        steps: tile.steps,
      },
      workgroups: spread(total),
    });
    return [output === 'f16' && Object.values(inputs).some(isPackedGradient) ? asPackedGradient(c) : c];
  },
  gradient: {
    saveInputs: ['a', 'b'],
    backward: ([dc], [a, b], plan) => ({
      a: () => gradientOfA(dc!, b!, plan),
      b: () => gradientOfB(dc!, a!, plan),
    }),
  },
});

/** dc op(b)^T, turned over where a is. */
function gradientOfA(dc: tf.Tensor, b: tf.Tensor, plan: MatmulPlan): tf.Tensor {
  const { M, N, K, transposeA, transposeB, sharedA, sharedB } = plan;
  if (!transposeA) {
    const turned = { M, N: K, K: N, transposeA: false, transposeB: !transposeB };
    return product(dc, b, { ...plan, ...turned, sharedA: false, sharedB }, sharedA);
  }
  const turned = { M: K, N: M, K: N, transposeA: transposeB, transposeB: true };
  return product(b, dc, { ...plan, ...turned, sharedA: sharedB, sharedB: false }, sharedA);
}

/** op(a)^T dc, turned over where b is. */
function gradientOfB(dc: tf.Tensor, a: tf.Tensor, plan: MatmulPlan): tf.Tensor {
  const { M, N, K, transposeA, transposeB, sharedA, sharedB } = plan;
  if (!transposeB) {
    const turned = { M: K, N, K: M, transposeA: !transposeA, transposeB: false };
    return product(a, dc, { ...plan, ...turned, sharedA, sharedB: false }, sharedB);
  }
  const turned = { M: N, N: K, K: M, transposeA: true, transposeB: transposeA };
  return product(dc, a, { ...plan, ...turned, sharedA: false, sharedB: sharedA }, sharedB);
}

/**
 * A product of the gradient and a half tensor, as the gradient of an input; where that is one matrix for all batches, their
 * sum. A float32 gradient, that of a float32 product, is not rounded before it is multiplied.
 */
function product(left: tf.Tensor, right: tf.Tensor, plan: MatmulPlan, shared: boolean): tf.Tensor {
  const { batch, M, N } = plan;
  const halves = [left, right].every((x) => storageOf(x) === 'f16');
  const sum = shared && batch > 1;
  if (halves && !sum) return runMatmul(left, right, { ...plan, output: 'f16' });
  const { a, b } = matrixShapes(plan);
  const floats = (x: tf.Tensor, shape: number[]) => (storageOf(x) === 'f16' ? gradientToFloat(x, shape) : x);
  const each = halves
    ? runMatmul(left, right, { ...plan, output: 'f32' })
    : floatMatmul(floats(left, a), floats(right, b), plan, [batch, M, N]);
  return gradientToHalf(sum ? tf.sum(each, 0) : each, [sum ? 1 : batch, M, N]);
}

/** The product of packed half tensors: packed, or float32 [batch,M,N]; nothing in it may be empty. */
export function runMatmul(a: tf.Tensor, b: tf.Tensor, plan: MatmulPlan): tf.Tensor {
  return fused.run({ a, b }, plan)[0]!;
}
