/** What a matrix product is made of, and the product in float32 by tfjs. */

import { withGradient } from '../../compute/gradient.js';
import type { Storage } from '../../compute/storage.js';
import { tf } from '../../compute/tf.js';

/** `batch` matrices, all with one a or b where `sharedA` or `sharedB`. */
export type MatmulPlan = {
  batch: number;
  M: number;
  N: number;
  K: number;
  transposeA: boolean;
  transposeB: boolean;
  sharedA: boolean;
  sharedB: boolean;
  output: Storage;
  /** Whether the matrix units may be used. */
  subgroupMatrix: boolean;
};

/** Shapes of the matrices as they lie in memory, [batch or 1, rows, columns]. */
export function matrixShapes(plan: MatmulPlan): Record<'a' | 'b', [number, number, number]> {
  const { batch, M, N, K, transposeA, transposeB, sharedA, sharedB } = plan;
  return {
    a: [sharedA ? 1 : batch, ...((transposeA ? [K, M] : [M, K]) as [number, number])],
    b: [sharedB ? 1 : batch, ...((transposeB ? [N, K] : [K, N]) as [number, number])],
  };
}

/** The product of float32 tensors, in `shape`; differentiable. */
export function floatMatmul(a: tf.Tensor, b: tf.Tensor, plan: MatmulPlan, shape: number[]): tf.Tensor {
  if (shape.includes(0) || plan.K === 0) {
    const [ofA, ofB] = [a.shape, b.shape];
    return withGradient([a, b], () => ({
      value: tf.zeros(shape),
      gradient: () => [tf.zeros(ofA), tf.zeros(ofB)],
    }));
  }
  return tf.tidy(() => {
    const shapes = matrixShapes(plan);
    const each = (matrix: tf.Tensor, inMemory: [number, number, number]) => {
      const reshaped = tf.reshape(matrix, inMemory);
      return inMemory[0] < plan.batch ? tf.tile(reshaped, [plan.batch, 1, 1]) : reshaped;
    };
    const product = tf.matMul(each(a, shapes.a), each(b, shapes.b), plan.transposeA, plan.transposeB);
    return tf.reshape(product, shape);
  });
}
