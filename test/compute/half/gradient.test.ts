/**
 * Gradients of half tensors on tfjs's tape, on every backend: what the conversions, sums of gradients and reshapes do to them.
 * Those of the components are held against their oracles in components.test.ts.
 */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { halfFrom, halfNormal } from '../../../scripts/half/check.js';
import {
  type HalfTensor,
  halfGrads,
  isHalf,
  reshapeHalf,
  roundToHalfOracle,
  toFloat,
  toHalf,
} from '../../../src/compute/half/index.js';
import { type NdArray, ndarray } from '../../../src/compute/ndarray.js';
import { seededNormal } from '../../../src/compute/random.js';
import { fromNdArray, read, toNdArray } from '../../../src/compute/read.js';
import { tf } from '../../../src/compute/tf.js';
import { matmul } from '../../../src/layers/matmul/index.js';
import { layerNorm } from '../../../src/layers/norm/index.js';
import { softmax } from '../../../src/layers/softmax/index.js';
import {
  matmul as boundedMatmul,
  exact,
  transposeLast,
} from '../../../src/workbench/golden/running-error.js';
import { expectHalfWithin } from '../../support/half.js';
import { leaked } from '../../support/numeric.js';
import { eachBackend } from '../backends.js';

const inf = Number.POSITIVE_INFINITY;
const values = async (half: HalfTensor) => Array.from(await read(toFloat(half)));

/** Pairs whose sums are ordinary, subnormal, rounded to even, overflowing and undefined. */
const lefts = [1, 2 ** -24, 2048, 2050, 65_504, 65_504, -inf, inf, Number.NaN, 0.1, 2 ** -14, -3];
const rights = [2, 2 ** -24, 1, 1, 65_504, 15, 1, -inf, 1, 0.2, -(2 ** -24), 3];

eachBackend((name) => {
  beforeEach(() => tf.engine().startScope());
  afterEach(() => tf.engine().endScope());

  it('are rounded on the way into half precision, and are float32 outside', async () => {
    const dy = [1 / 3, 65_520, -70_000, 2 ** -26, -0.1, Number.NaN, inf];
    const gradient = tf.grad((x) => toFloat(toHalf(x)))(tf.ones([7]), tf.tensor1d(dy));
    expect([gradient.dtype, gradient.shape]).toEqual(['float32', [7]]);
    expect(Array.from(await read(gradient))).toEqual(dy.map(roundToHalfOracle));
  });

  it.each([[12], [11], [1], [1301]])(
    'of a half tensor used twice add up, rounded once: %i numbers',
    async (count) => {
      const upTo = (numbers: number[]) => Array.from({ length: count }, (_, n) => numbers[n % 12]!);
      const [left, right] = [upTo(lefts), upTo(rights)];
      const [a, b] = [tf.tensor1d(left), tf.tensor1d(right)];
      const x = toHalf(tf.zeros([count]));
      const twice = (at: HalfTensor) => tf.stack([toFloat(at), toFloat(at)]);
      const [gradient] = halfGrads(twice)([x], tf.stack([a, b]));
      const sums = left.map((one, n) =>
        roundToHalfOracle(roundToHalfOracle(one) + roundToHalfOracle(right[n]!)),
      );
      expect(await values(gradient)).toEqual(sums);
    },
  );

  it('of a half tensor used three times, by products and as it is', async () => {
    const [x, w, dy] = [halfNormal([5, 5], 1), halfNormal([5, 5], 2), halfNormal([5, 5], 3)];
    const f = (a: HalfTensor, b: HalfTensor) => tf.add(toFloat(matmul(a, b)), tf.add(toFloat(a), toFloat(a)));
    const [dx, dw] = halfGrads(f)([halfFrom(x), halfFrom(w)], fromNdArray(dy));
    const product = boundedMatmul(exact(dy), transposeLast(exact(w)));
    const value = ndarray(
      [5, 5],
      product.value.data.map((p, n) => p + 2 * dy.data[n]!),
    );
    // Three roundings to half precision on the way: of the product and of two sums.
    const slack = product.value.data.map(
      (p, n) => 2 ** -11 * (Math.abs(p) + Math.abs(2 * dy.data[n]!) + Math.abs(p + dy.data[n]!)) * 1.001,
    );
    const error = ndarray(
      [5, 5],
      product.error.data.map((e, n) => e + slack[n]!),
    );
    await expectHalfWithin('dx', dx, { value, error });
    await expectHalfWithin('dw', dw, boundedMatmul(transposeLast(exact(x)), exact(dy)));
  });

  it('go through reshapes, and have the kind and shape of their inputs', async () => {
    const f = (a: HalfTensor, b: tf.Tensor) => tf.mul(toFloat(reshapeHalf(a, [3, 2])), b);
    const [x, y] = [halfFrom(halfNormal([2, 3], 1)), fromNdArray(seededNormal([3, 2], 2))];
    const [dx, dy] = halfGrads(f)([x, y]);
    expect([isHalf(dx), dx.shape, dy.dtype, dy.shape]).toEqual([true, [2, 3], 'float32', [3, 2]]);
    expect(await values(dx)).toEqual(Array.from(await read(y), roundToHalfOracle));
    expect(Array.from(await read(dy))).toEqual(await values(x));
  });

  it('are ones at the end where none is given, and may be half tensors there', async () => {
    const twice = (a: HalfTensor) => toHalf(tf.mul(toFloat(a), 2));
    const x = toHalf(tf.ones([3]));
    expect(await values(halfGrads(twice)([x])[0])).toEqual([2, 2, 2]);
    const dy = toHalf(tf.tensor1d([1, -3, 40_000]));
    expect(await values(halfGrads(twice)([x], dy)[0])).toEqual([2, -6, inf]);
  });

  for (const path of name === 'webgpu' ? (['fused', 'composed'] as const) : (['composed'] as const)) {
    it(`of float32 products are not rounded before they are multiplied, ${path}`, async () => {
      const [a, b] = [halfNormal([2, 3, 4], 1), halfNormal([4, 5], 2)];
      // Far below the smallest half-precision number, until they are multiplied.
      const dy = seededNormal([2, 3, 5], 3, 2 ** -30);
      const big = ndarray([4, 5], b.data.map((x) => x * 2 ** 14).map(roundToHalfOracle));
      const f = (x: HalfTensor, y: HalfTensor) => matmul(x, y, { output: 'float32', path });
      const [da] = halfGrads(f)([halfFrom(a), halfFrom(big)], fromNdArray(dy));
      const flat = (array: NdArray, shape: number[]) => exact(ndarray(shape, array.data));
      await expectHalfWithin('da', da, boundedMatmul(flat(dy, [6, 5]), transposeLast(exact(big))));
      expect((await values(da)).some((x) => x !== 0)).toBe(true);
      // One a for all of b's: a turned over, so that its batches cannot be rows of one product.
      const turned = (x: HalfTensor, y: HalfTensor) =>
        matmul(x, y, { output: 'float32', transposeA: true, path });
      const [, db] = halfGrads(turned)(
        [halfFrom(halfNormal([2, 4, 3], 1)), halfFrom(b)],
        fromNdArray(seededNormal([2, 3, 5], 3)),
      );
      expect([db.shape, (await values(db)).every(Number.isFinite)]).toEqual([[4, 5], true]);
    });

    it(`keep NaN and Infinity to where they come from, ${path}`, async () => {
      const dy = fromNdArray(ndarray([2, 4], [1, Number.NaN, 1, 1, 1, 1, 1, 1]));
      const x = halfFrom(halfNormal([2, 4], 1));
      const [dx] = halfGrads((a: HalfTensor) => softmax(a, { path }))([x], dy);
      expect((await values(dx)).map(Number.isNaN)).toEqual([true, true, true, true, ...Array(4).fill(false)]);
      const huge = fromNdArray(ndarray([2, 2], [6e4, 0, 0, 1]));
      const w = toHalf(tf.tensor2d([[2, 1]]));
      const [product] = halfGrads((a: HalfTensor, b: HalfTensor) => matmul(a, b, { path }))(
        [toHalf(tf.ones([2, 1])), w],
        huge,
      );
      expect(await values(product)).toEqual([inf, 1]);
    });

    it(`of a layer norm without gain and bias, ${path}`, async () => {
      const [x, dy] = [halfNormal([3, 6], 1), halfNormal([3, 6], 2)];
      const [plain] = halfGrads((a: HalfTensor) => layerNorm(a, {}, { path }))(
        [halfFrom(x)],
        fromNdArray(dy),
      );
      const [ones, zeros] = [toHalf(tf.ones([6])), toHalf(tf.zeros([6]))];
      const affine = (a: HalfTensor) => layerNorm(a, { gain: ones, bias: zeros }, { path });
      expect(await values(plain)).toEqual(await values(halfGrads(affine)([halfFrom(x)], fromNdArray(dy))[0]));
      const floats = tf.grad((a) => layerNorm(a, {}, { path }))(fromNdArray(x), fromNdArray(dy));
      const expected = (await toNdArray(floats)).data;
      (await values(plain)).forEach((value, n) => {
        expect(Math.abs(value - expected[n]!)).toBeLessThan(2 ** -10 * Math.abs(expected[n]!) + 2 ** -20);
      });
    });
  }

  it('leave nothing behind', () => {
    const x = toHalf(tf.ones([3, 3]));
    expect(leaked(() => halfGrads((a: HalfTensor) => matmul(a, reshapeHalf(a, [3, 3])))([x]))).toBe(0);
    expect(leaked(() => tf.grad((a) => toFloat(toHalf(a)))(tf.keep(tf.ones([3]))))).toBe(1);
    const buffers = tf.memory().numDataBuffers;
    tf.dispose(halfGrads((a: HalfTensor) => matmul(a, a))([x]));
    expect(tf.memory().numDataBuffers).toBe(buffers);
  });
});

describe('halfGrads', () => {
  it('says what it cannot take', () => {
    const x = toHalf(tf.ones([2]));
    expect(() => halfGrads((a: tf.Tensor) => a)([tf.ones([2], 'int32')])).toThrow(
      /halfGrads: input 0 must be float32, got int32 \[2\]/,
    );
    expect(() => halfGrads((a: HalfTensor) => toFloat(a))([x], tf.ones([3]))).toThrow(/shape of dy/);
    expect(() => halfGrads((_a: HalfTensor) => tf.ones([1]))([x])).toThrow(/Cannot compute gradient/);
  });
});
