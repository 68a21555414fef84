/**
 * Matrix product of float32 or of half-precision tensors. Half-precision products are summed in float32 and rounded once at the
 * end, their gradients too; they run on the GPU's matrix units where it offers them to WebGPU, else in tiles, else in float32.
 */

import { toFloat } from '../../compute/half/convert.js';
import { halfResult, requireHalf } from '../../compute/half/half-result.js';
import { type HalfTensor, isHalf } from '../../compute/half/half-tensor.js';
import { type NdArray, ndarray, sizeOf } from '../../compute/ndarray.js';
import { choosePath, type KernelPath } from '../../compute/path.js';
import { requireFloat32, sameShape, shown } from '../../compute/shapes.js';
import { lacksHalf } from '../../compute/storage.js';
import { tf } from '../../compute/tf.js';
import { floatMatmul, type MatmulPlan } from './float-matmul.js';
import { matmulKernel, runMatmul } from './fused-matmul.js';

export interface MatmulOptions {
  /** a is [...,K,M]. */
  transposeA?: boolean;
  /** b is [...,N,K], as the weights of a linear layer are. */
  transposeB?: boolean;
  /** Of a half-precision product: rounded to half precision (default), or the float32 sums. */
  output?: 'float16' | 'float32';
  /** Whether a half-precision product may use the GPU's matrix units. Default true. */
  subgroupMatrix?: boolean;
  /** 'fused' are the kernels for half tensors; a float32 product is tfjs's own. */
  path?: KernelPath;
}

/**
 * a b, batch by batch.
 * @param a [...,M,K] @param b [...,K,N], or [K,N] for all batches; both float32 or both half tensors
 * @returns [...,M,N]: a half tensor for half tensors (values from 65,520 on are Infinity) unless `output` is 'float32'.
 *   Differentiable: the gradients of half tensors are summed in float32 and rounded once to half precision.
 * @throws TypeError when the inputs are of different kinds; RangeError when the shapes do not fit; Error when path 'fused'
 *   is asked for and cannot be had (another backend, a device without shader-f16, float32).
 */
export function matmul(
  a: HalfTensor,
  b: HalfTensor,
  options: MatmulOptions & { output: 'float32' },
): tf.Tensor;
export function matmul(a: HalfTensor, b: HalfTensor, options?: MatmulOptions): HalfTensor;
export function matmul(a: tf.Tensor, b: tf.Tensor, options?: MatmulOptions): tf.Tensor;
export function matmul(
  a: tf.Tensor | HalfTensor,
  b: tf.Tensor | HalfTensor,
  options: MatmulOptions = {},
): tf.Tensor | HalfTensor {
  const { path, output = 'float16' } = options;
  if (!isHalf(a) && !isHalf(b)) {
    requireFloat32('matmul', { a, b });
    const { plan, shape } = planOf(a.shape, b.shape, options);
    if (path === 'fused') {
      throw new Error(
        "matmul: path 'fused' is for half tensors; use path 'auto', or convert a and b with toHalf",
      );
    }
    return floatMatmul(a, b, plan, shape);
  }
  requireHalf('matmul', { a, b });
  const [left, right] = [a as HalfTensor, b as HalfTensor];
  const { plan, shape } = planOf(left.shape, right.shape, options);
  const fused = () => runMatmul(left.packed, right.packed, plan);
  const nothing = shape.includes(0) || plan.K === 0;
  const floats = () => floatMatmul(toFloat(left), toFloat(right), plan, shape);
  if (output === 'float16') {
    return halfResult('matmul', matmulKernel, path, shape, fused, floats, undefined, nothing);
  }
  const chosen = choosePath('matmul', matmulKernel, path, lacksHalf());
  return tf.tidy(() => (chosen === 'composed' || nothing ? floats() : tf.reshape(fused(), shape)));
}

function planOf(
  a: readonly number[],
  b: readonly number[],
  { transposeA = false, transposeB = false, output = 'float16', subgroupMatrix = true }: MatmulOptions,
): { plan: MatmulPlan; shape: number[] } {
  const shapes = `got a ${shown(a)}${transposeA ? ' (transposed)' : ''}, b ${shown(b)}${transposeB ? ' (transposed)' : ''}`;
  if (output !== 'float16' && output !== 'float32') {
    throw new RangeError(`matmul: output must be 'float16' or 'float32', got ${JSON.stringify(output)}`);
  }
  if (a.length < 2 || b.length < 2)
    throw new RangeError(`matmul: a and b must have two axes or more, ${shapes}`);
  const [M, K] = transposeA ? [a.at(-1)!, a.at(-2)!] : [a.at(-2)!, a.at(-1)!];
  const [N, inner] = transposeB ? [b.at(-2)!, b.at(-1)!] : [b.at(-1)!, b.at(-2)!];
  if (K !== inner) {
    throw new RangeError(
      `matmul: a [...,M,K] and b [...,K,N] must agree in K, ${shapes}: K is ${K} and ${inner}`,
    );
  }
  const batches = a.slice(0, -2);
  const sharedB = b.length === 2;
  if (!sharedB && !sameShape(batches, b.slice(0, -2))) {
    throw new RangeError(`matmul: b must be [K,N] or have the batch axes of a, ${shapes}`);
  }
  const batch = sizeOf(batches);
  const common = { N, K, transposeA, transposeB, sharedA: false, sharedB, subgroupMatrix };
  // One b for all batches: they are rows of one product, as long as rows lie one after the other.
  const rows = sharedB && !transposeA ? { batch: 1, M: batch * M } : { batch, M };
  return {
    plan: { ...common, ...rows, output: output === 'float32' ? 'f32' : 'f16' },
    shape: [...batches, M, N],
  };
}

/** The product in float64 with plain loops; the batch axes of b equal those of a, or b is one matrix. */
export function matmulOracle(
  a: NdArray,
  b: NdArray,
  options: Pick<MatmulOptions, 'transposeA' | 'transposeB'> = {},
): NdArray {
  const { plan, shape } = planOf(a.shape, b.shape, options);
  const { batch, M, N, K, transposeA, transposeB, sharedB } = plan;
  const c = ndarray(shape);
  for (let n = 0; n < batch; n++) {
    const [startA, startB] = [n * M * K, sharedB ? 0 : n * K * N];
    for (let i = 0; i < M; i++) {
      for (let j = 0; j < N; j++) {
        let sum = 0;
        for (let k = 0; k < K; k++) {
          const left = a.data[startA + (transposeA ? k * M + i : i * K + k)]!;
          sum += left * b.data[startB + (transposeB ? j * K + k : k * N + j)]!;
        }
        c.data[(n * M + i) * N + j] = sum;
      }
    }
  }
  return c;
}
