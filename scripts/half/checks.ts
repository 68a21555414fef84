/**
 * The half-precision kernels against their float64 oracles on the webgpu device in use, each within the bound derived for it.
 * Every check says which kernel it expects, so that the device's matrix units are known to have run where it has them.
 */
import { type AttentionRule, attention, attentionOracle } from '../../src/attention/index.js';
import { launchedKernels } from '../../src/compute/launch.js';
import { type NdArray, ndarray } from '../../src/compute/ndarray.js';
import { seededNormal } from '../../src/compute/random.js';
import { fromNdArray, toNdArray } from '../../src/compute/read.js';
import { matrixUnit } from '../../src/compute/subgroup-matrix.js';
import { tf } from '../../src/compute/tf.js';
import type { GpuBackend } from '../../src/compute/webgpu-backend.js';
import { attentionErrors } from '../../src/golden/bounds/attention.js';
import { halfRoundoff, roundedToHalf } from '../../src/golden/bounds/half.js';
import { compare } from '../../src/golden/run.js';
import {
  type Bounded,
  matmul as boundedMatmul,
  exact,
  map,
  transposeLast,
} from '../../src/golden/running-error.js';
import { type HalfTensor, isHalf, toFloat, toHalf, toHalfOracle } from '../../src/half/index.js';
import { matmul } from '../../src/matmul/index.js';

export interface HalfResult {
  name: string;
  /** The kernels that ran. */
  path: string;
  /** Largest error as a share of its bound; Infinity where something is NaN that should not be. */
  share: number;
  /** Why the check failed, if it did. */
  failure?: string;
}

interface HalfCheck {
  name: string;
  kernel: string;
  run: () => HalfTensor | tf.Tensor;
  /** Of the float32 computation; the rounding of a half tensor is added. */
  bounds: Bounded;
}

const normal = (shape: number[], seed: number, spread = 1): NdArray =>
  toHalfOracle(seededNormal(shape, seed, spread));
const half = (array: NdArray): HalfTensor => toHalf(fromNdArray(array));

/** Every check for this device, each made when its turn comes. */
export function halfChecks(): (() => HalfCheck)[] {
  const matrices = matrixUnit((tf.backend() as GpuBackend).gpu) !== undefined;
  const both = [...(matrices ? [true] : []), false];
  return both.flatMap((subgroupMatrix) => [
    ...matmulChecks(subgroupMatrix),
    ...attentionChecks(subgroupMatrix),
  ]);
}

/** Launches, reads back and judges one. */
export async function runHalfCheck(make: () => HalfCheck): Promise<HalfResult> {
  const { name, kernel, run, bounds } = make();
  const launched = launchedKernels();
  launched.reset();
  let path = '';
  try {
    const result = run();
    path = launched
      .list()
      .filter((one) => !one.startsWith('half.'))
      .join(', ');
    const rounded = isHalf(result) ? roundedToHalf(bounds) : bounds;
    const floats = isHalf(result) ? toFloat(result) : result;
    const { data } = await toNdArray(floats);
    tf.dispose([result, floats]);
    const { error, bound, outside } = compare(data, rounded.value.data, rounded.error.data);
    const share = error === 0 ? 0 : error / bound;
    if (path !== kernel)
      return { name, path, share, failure: `ran ${path || 'no kernel'} instead of ${kernel}` };
    if (outside) return { name, path, share, failure: `error ${error} against a bound of ${bound}` };
    return { name, path, share };
  } catch (error) {
    return { name, path, share: Number.POSITIVE_INFINITY, failure: (error as Error).message };
  }
}

/**
 * What matrix units may add: they align the products of a step and cut off what does not fit, where float32 arithmetic
 * rounds (Fasi et al. 2021, Numerical behavior of NVIDIA tensor cores), so that an addition costs 2u instead of u.
 */
const cutOff = 2;

function matmulChecks(subgroupMatrix: boolean): (() => HalfCheck)[] {
  const kernel = subgroupMatrix ? 'matmul.f16.subgroupMatrix' : 'matmul.f16';
  const one = (
    [M, N, K]: readonly [number, number, number],
    { transposeA = false, transposeB = false, output = 'float16' as 'float16' | 'float32', spread = 1 } = {},
  ): HalfCheck => {
    const a = normal(transposeA ? [K, M] : [M, K], 1, spread);
    const b = normal(transposeB ? [N, K] : [K, N], 2, spread);
    const product = boundedMatmul(
      transposeA ? transposeLast(exact(a)) : exact(a),
      transposeB ? transposeLast(exact(b)) : exact(b),
    );
    const turned = [transposeA && 'a^T', transposeB && 'b^T', output === 'float32' && 'float32 out'].filter(
      Boolean,
    );
    return {
      name: [`matmul M ${M}, N ${N}, K ${K}`, ...turned, ...(spread === 1 ? [] : [`|x| ~ ${spread}`])].join(
        ', ',
      ),
      kernel,
      bounds: map(product, (x, e) => [x, subgroupMatrix ? cutOff * e : e]),
      run: () =>
        tf.tidy(() => matmul(half(a), half(b), { transposeA, transposeB, subgroupMatrix, output } as never)),
    };
  };
  return [
    () => one([1, 1, 1]),
    () => one([64, 64, 64], { output: 'float32' }),
    () => one([65, 67, 33], { output: 'float32' }),
    () => one([100, 70, 50]),
    () => one([33, 129, 257], { output: 'float32' }),
    () => one([68, 36, 40], { transposeA: true }),
    () => one([67, 35, 41], { transposeB: true }),
    () => one([67, 35, 41], { transposeA: true, transposeB: true }),
    () => one([20, 24, 64], { spread: 200 }),
  ];
}

type Axes = Record<'B' | 'H' | 'K' | 'T' | 'S' | 'D', number>;

function attentionChecks(subgroupMatrix: boolean): (() => HalfCheck)[] {
  const one = (axes: Axes, rule: AttentionRule & { mask?: NdArray } = {}, spread = 1): HalfCheck => {
    const { B, H, K, T, S, D } = axes;
    const q = normal([B, H, T, D], 6, spread);
    const k = normal([B, K, S, D], 7);
    const v = normal([B, K, S, D], 8);
    const { out } = attentionErrors(exact(q), exact(k), exact(v), undefined, rule);
    const { mask, ...rest } = rule;
    const sizes = Object.entries(axes).map(([axis, extent]) => `${axis} ${extent}`);
    const rules = Object.entries(rest).map(([key, value]) => (value === true ? key : `${key} ${value}`));
    const matrices = subgroupMatrix && D <= 128;
    return {
      name: [
        'attention',
        ...sizes,
        ...rules,
        ...(mask ? ['mask'] : []),
        ...(spread === 1 ? [] : [`|q| ~ ${spread}`]),
      ].join(', '),
      kernel: `attention.forward.f16${matrices ? '.subgroupMatrix' : ''}`,
      bounds: matrices ? withHalfWeights(out, q, k, v, rule) : out,
      run: () =>
        tf.tidy(() => {
          const tensor = mask && { mask: fromNdArray(mask, 'bool') };
          return attention(half(q), half(k), half(v), { ...rest, ...tensor, subgroupMatrix });
        }),
    };
  };
  const mask = ndarray(
    [1, 20, 37],
    Array.from({ length: 20 * 37 }, (_, n) => (n % 3 === 0 || n < 37 ? 0 : 1)),
  );
  return [
    // Few head dims and kinds of masks: software Vulkan compiles each kernel for seconds.
    () => one({ B: 1, H: 1, K: 1, T: 1, S: 1, D: 16 }, { causal: true }),
    () => one({ B: 2, H: 4, K: 2, T: 33, S: 65, D: 16 }, { causal: true }),
    () => one({ B: 1, H: 3, K: 1, T: 1, S: 150, D: 16 }, { causal: true }),
    () => one({ B: 1, H: 2, K: 2, T: 70, S: 70, D: 16 }, { causal: true, window: 9 }),
    () => one({ B: 1, H: 1, K: 1, T: 70, S: 40, D: 16 }, { causal: true }),
    () => one({ B: 1, H: 2, K: 2, T: 40, S: 40, D: 16 }, { scale: 0.3 }, 30),
    () => one({ B: 1, H: 6, K: 3, T: 20, S: 20, D: 16 }, { causal: true, alibi: true }),
    () => one({ B: 1, H: 2, K: 1, T: 20, S: 37, D: 9 }, { mask }),
    () => one({ B: 1, H: 1, K: 1, T: 40, S: 40, D: 40 }, { causal: true }),
    () => one({ B: 1, H: 1, K: 1, T: 9, S: 10, D: 160 }, { causal: true }),
  ];
}

/**
 * The kernel of the matrix units rounds each e^(s - m) to half precision: by 2^-11 of itself or by 2^-25, where the largest
 * of a row is 1, so that their sum is no less than 1. What that makes of the output adds up over the values.
 */
function withHalfWeights(
  { value, error }: Bounded,
  q: NdArray,
  k: NdArray,
  v: NdArray,
  rule: AttentionRule & { mask?: NdArray },
): Bounded {
  const magnitudes = ndarray(v.shape, v.data.map(Math.abs));
  const weighted = attentionOracle(q, k, magnitudes, rule);
  const [B, K, S, D] = v.shape as [number, number, number, number];
  const sums = ndarray([B, K, D]);
  magnitudes.data.forEach((x, n) => {
    sums.data[Math.floor(n / (S * D)) * D + (n % D)]! += x;
  });
  const [, H, T] = q.shape as [number, number, number, number];
  const data = error.data.map((e, n) => {
    const head = Math.floor(n / (T * D));
    const group = Math.floor(head / H) * K + Math.floor(((head % H) * K) / H);
    return cutOff * e + halfRoundoff * weighted.data[n]! + 2 ** -25 * sums.data[group * D + (n % D)]!;
  });
  return { value, error: ndarray(error.shape, data) };
}
