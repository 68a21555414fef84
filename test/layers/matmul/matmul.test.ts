import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { halfFrom, halfNormal } from '../../../scripts/half/check.js';
import { runHalfCheck } from '../../../scripts/half/checks.js';
import { matmulChecks } from '../../../scripts/half/matmul-checks.js';
import { toFloat, toHalf } from '../../../src/compute/half/index.js';
import { launchedKernels } from '../../../src/compute/launch.js';
import { ndarray } from '../../../src/compute/ndarray.js';
import { fromNdArray, read, toNdArray } from '../../../src/compute/read.js';
import { matrixUnit } from '../../../src/compute/subgroup-matrix.js';
import { tf } from '../../../src/compute/tf.js';
import type { GpuBackend } from '../../../src/compute/webgpu-backend.js';
import { matmul, matmulOracle } from '../../../src/layers/matmul/index.js';
import {
  matmul as boundedMatmul,
  exact,
  reshape,
  transposeLast,
} from '../../../src/workbench/golden/running-error.js';
import { eachBackend } from '../../compute/backends.js';
import { expectHalfWithin } from '../../support/half.js';
import { expectWithin, leaked } from '../../support/numeric.js';

/** M, N, K: one, less and more than a tile, multiples of 4 and not. */
const sizes: [number, number, number][] = [
  [1, 1, 1],
  [64, 64, 32],
  [3, 5, 7],
  [65, 66, 33],
  [130, 12, 96],
  [1, 200, 64],
];

describe('the oracle of the matrix product', () => {
  it('multiplies by hand, turned or not, with one b for all', () => {
    const a = ndarray([2, 1, 2], [1, 2, 3, 4]);
    const b = ndarray([2, 2], [5, 6, 7, 8]);
    expect(Array.from(matmulOracle(a, b).data)).toEqual([19, 22, 43, 50]);
    expect(Array.from(matmulOracle(a, b, { transposeB: true }).data)).toEqual([17, 23, 39, 53]);
    const column = ndarray([2, 1], [1, 2]);
    expect(Array.from(matmulOracle(column, b, { transposeA: true }).data)).toEqual([19, 22]);
  });
});

eachBackend((name) => {
  beforeEach(() => tf.engine().startScope());
  afterEach(() => tf.engine().endScope());

  for (const path of name === 'webgpu' ? (['fused', 'composed'] as const) : (['composed'] as const)) {
    describe(`matmul of half tensors, ${path}`, () => {
      async function check(
        [M, N, K]: [number, number, number],
        { batches = [] as number[], shared = false, transposeA = false, transposeB = false, spread = 1 } = {},
      ): Promise<void> {
        const a = halfNormal([...batches, ...(transposeA ? [K, M] : [M, K])], 1, spread);
        const b = halfNormal([...(shared ? [] : batches), ...(transposeB ? [N, K] : [K, N])], 2, spread);
        const options = { transposeA, transposeB, path };
        const left = transposeA ? transposeLast(exact(a)) : exact(a);
        const right = transposeB ? transposeLast(exact(b)) : exact(b);
        const bounds = shared
          ? reshape(boundedMatmul(reshape(left, [left.value.data.length / K, K]), right), [...batches, M, N])
          : boundedMatmul(left, right);
        const expected = matmulOracle(a, b, options);
        const product = matmul(halfFrom(a), halfFrom(b), { ...options, output: 'float32' });
        await expectWithin('float32 sums', product, expected, bounds);
        const rounded = matmul(halfFrom(a), halfFrom(b), options);
        expect(rounded.shape).toEqual([...batches, M, N]);
        await expectHalfWithin('half precision', rounded, { value: expected, error: bounds.error });
      }

      it.each(sizes)('matches the oracle for M %i, N %i, K %i', (...size) => check(size));

      it.each([
        [true, false],
        [false, true],
        [true, true],
      ])('matches the oracle with transposeA %s, transposeB %s', async (transposeA, transposeB) => {
        await check([68, 36, 40], { transposeA, transposeB });
        await check([67, 35, 41], { transposeA, transposeB, batches: [2] });
      });

      it('takes batches, and one b for all of them', async () => {
        await check([5, 9, 8], { batches: [2, 3] });
        await check([5, 8, 9], { batches: [2, 3], shared: true });
        await check([5, 8, 9], { batches: [3], shared: true, transposeA: true });
      });

      it('overflows to Infinity when the sum is rounded, not before', async () => {
        await check([3, 4, 8], { spread: 200 });
        const a = toHalf(tf.tensor2d([[60_000, 60_000, -60_000]]));
        const b = toHalf(tf.tensor2d([[1], [1], [1]]));
        expect(Array.from(await read(toFloat(matmul(a, b, { path }))))).toEqual([60_000]);
        const twice = toHalf(tf.tensor2d([[60_000, 60_000, 0]]));
        expect(Array.from(await read(toFloat(matmul(twice, b, { path }))))).toEqual([Infinity]);
        expect(Array.from(await read(matmul(twice, b, { path, output: 'float32' })))).toEqual([120_000]);
      });

      it('keeps NaN and Infinity in their row and column', async () => {
        const a = toHalf(
          tf.tensor2d([
            [Number.NaN, 1],
            [Infinity, 1],
            [1, 1],
          ]),
        );
        const b = toHalf(
          tf.tensor2d([
            [1, 2],
            [3, 4],
          ]),
        );
        const expected = [Number.NaN, Number.NaN, Infinity, Infinity, 4, 6];
        expect(Array.from(await read(toFloat(matmul(a, b, { path }))))).toEqual(expected);
      });

      it.each([
        [
          [0, 3],
          [3, 2],
        ],
        [
          [2, 0],
          [0, 3],
        ],
        [
          [2, 3],
          [3, 0],
        ],
        [
          [0, 2, 3],
          [3, 2],
        ],
      ])('takes the empty a %j, b %j', async (a, b) => {
        const product = matmul(toHalf(tf.ones(a)), toHalf(tf.ones(b)), { path });
        const values = await read(toFloat(product));
        expect(product.shape).toEqual([...a.slice(0, -1), b[1]!]);
        expect(values.every((value) => value === 0)).toBe(true);
      });

      it('has the gradients of the product', async () => {
        const gradients = matmulChecks(path, false).filter((make) => make().name.includes('gradients'));
        expect(gradients.length).toBeGreaterThan(6);
        for (const make of gradients) {
          const { name: check, failure } = await runHalfCheck(make);
          expect(failure, check).toBeUndefined();
        }
      });

      it('leaves no tensors behind', () => {
        const [a, b] = [toHalf(tf.ones([4, 6])), toHalf(tf.ones([6, 4]))];
        expect(leaked(() => matmul(a, b, { path }))).toBe(0);
        expect(leaked(() => matmul(a, b, { path, output: 'float32' }))).toBe(0);
      });
    });
  }

  it('of float32 tensors is differentiable', async () => {
    const [a, b] = [halfNormal([2, 3, 4], 1), halfNormal([4, 5], 2)];
    const [x, w] = [fromNdArray(a), fromNdArray(b)];
    const bounds = boundedMatmul(reshape(exact(a), [6, 4]), exact(b));
    await expectWithin('product', matmul(x, w), matmulOracle(a, b), reshape(bounds, [2, 3, 5]));
    const gradients = tf.grads((p, q) => matmul(p!, q!))([x, w]);
    const sums = await toNdArray(tf.sum(w, 1));
    const [first] = (await toNdArray(gradients[0]!)).data;
    expect(first).toBeCloseTo(sums.data[0]!, 5);
    expect(gradients[1]!.shape).toEqual([4, 5]);
    expect(
      tf
        .grads((p, q) => matmul(p!, q!))([tf.zeros([0, 4]), w])
        .map(({ shape }) => shape),
    ).toEqual([
      [0, 4],
      [4, 5],
    ]);
  });

  if (name === 'webgpu') {
    it('takes the kernel that the device is best at', async () => {
      const launched = launchedKernels();
      const unit = matrixUnit((tf.backend() as GpuBackend).gpu);
      const half = toHalf(tf.ones([8, 8]));
      const ran = async (options: object) => {
        launched.reset();
        await read(matmul(half, half, { ...options, output: 'float32' }));
        return launched.list();
      };
      expect(await ran({})).toEqual([unit ? 'matmul.f16.subgroupMatrix' : 'matmul.f16']);
      expect(await ran({ subgroupMatrix: false })).toEqual(['matmul.f16']);
      expect(await ran({ path: 'composed' })).toEqual([]);
    });
  } else {
    it('refuses the fused path by name', () => {
      const half = toHalf(tf.ones([2, 2]));
      expect(() => matmul(half, half, { path: 'fused' })).toThrow(/matmul: path 'fused' needs the webgpu/);
    });
  }
});

describe('matmul errors', () => {
  const [a, b] = [tf.ones([2, 3]), tf.ones([4, 2])];
  it('say what does not fit', () => {
    expect(() => matmul(a, b)).toThrow(/agree in K, got a \[2,3\], b \[4,2\]: K is 3 and 4/);
    expect(() => matmul(a, b, { transposeB: true })).toThrow(/b \[4,2\] \(transposed\): K is 3 and 2/);
    expect(() => matmul(tf.ones([3]), b)).toThrow(/two axes or more, got a \[3\]/);
    expect(() => matmul(tf.ones([2, 2, 4]), tf.ones([3, 4, 2]))).toThrow(/batch axes of a, got a \[2,2,4\]/);
    expect(() => matmul(tf.ones([2, 4]), tf.ones([4, 2]), { path: 'fused' })).toThrow(/for half tensors/);
    expect(() => matmul(tf.ones([2, 4], 'int32'), b)).toThrow(/matmul: a must be float32, got int32/);
  });
  it('refuse a mixture of kinds', () => {
    expect(() => matmul(toHalf(a) as never, b as never)).toThrow(
      /matmul: b must be a half tensor.*toHalf\(b\)/,
    );
  });
});
