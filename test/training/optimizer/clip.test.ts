import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { toFloat, toHalf } from '../../../src/compute/half/index.js';
import { seededNormal } from '../../../src/compute/random.js';
import { fromNdArray, read } from '../../../src/compute/read.js';
import { tf } from '../../../src/compute/tf.js';
import { clipGradNorm, gradientNorm } from '../../../src/training/optimizer/clip.js';
import { exponentialAverage, WeightAverage } from '../../../src/training/optimizer/ema.js';
import { eachBackend } from '../../compute/backends.js';
import { leaked } from '../../support/numeric.js';

const list = async (tensor: tf.Tensor) => Array.from(await read(tensor));
const { NaN: nan, POSITIVE_INFINITY: infinity } = Number;

eachBackend(() => {
  beforeEach(() => tf.engine().startScope());
  afterEach(() => tf.engine().endScope());

  it('scales all gradients by one factor where they are too long together', async () => {
    const gradients = [tf.tensor1d([3, 0]), tf.tensor2d([[-4]])];
    const { norm, gradients: clipped } = clipGradNorm(gradients, 1);
    expect((await list(norm))[0]).toBeCloseTo(5, 6);
    const values = [...(await list(clipped[0]!)), ...(await list(clipped[1]!))];
    [0.6, 0, -0.8].forEach((value, n) => {
      expect(values[n]).toBeCloseTo(value, 5);
    });
    expect(clipped.map(({ shape }) => shape)).toEqual([[2], [1, 1]]);
    const short = clipGradNorm(gradients, 5.1);
    expect(await list(short.gradients[0]!)).toEqual([3, 0]);
    const largest = clipGradNorm(gradients, 2, { normType: infinity });
    expect([(await list(largest.norm))[0], (await list(largest.gradients[1]!))[0]]).toEqual([
      4,
      expect.closeTo(-2, 5),
    ]);
  });

  it('neither overflows nor vanishes', async () => {
    for (const size of [1e-30, 1e-15, 1e15, 1e30]) {
      const norm = gradientNorm([tf.tensor1d([3 * size, 0]), tf.tensor1d([4 * size])]);
      expect((await list(norm))[0]! / (5 * size)).toBeCloseTo(1, 5);
    }
    const many = seededNormal([1000], 1);
    const root = Math.sqrt(many.data.reduce((sum, x) => sum + x * x, 0));
    expect((await list(gradientNorm([fromNdArray(many)])))[0]! / root).toBeCloseTo(1, 5);
  });

  it('answers an infinite gradient with 0 and NaN in its place, and NaN with NaN', async () => {
    for (const normType of [2, infinity] as const) {
      const infinite = clipGradNorm([tf.tensor1d([1, -infinity]), tf.ones([2])], 1, { normType });
      expect(await list(infinite.norm)).toEqual([infinity]);
      expect((await list(infinite.gradients[0]!)).map(Math.abs)).toEqual([0, nan]);
      expect(await list(infinite.gradients[1]!)).toEqual([0, 0]);
      for (const values of [
        [1, nan],
        [infinity, nan],
      ]) {
        const unknown = clipGradNorm([tf.tensor1d(values), tf.ones([2])], 1, { normType });
        expect(await list(unknown.norm)).toEqual([nan]);
        expect(await list(unknown.gradients[1]!)).toEqual([nan, nan]);
      }
    }
  });

  it('takes none, empty ones, zeros and half tensors', async () => {
    expect(await list(gradientNorm([]))).toEqual([0]);
    const { norm, gradients } = clipGradNorm([tf.zeros([0, 2]), tf.zeros([3])], 1);
    expect([await list(norm), gradients[0]!.shape, await list(gradients[1]!)]).toEqual([
      [0],
      [0, 2],
      [0, 0, 0],
    ]);
    const mixed = clipGradNorm([toHalf(tf.tensor1d([3])), toHalf(tf.tensor1d([4]))], 1);
    expect((await list(mixed.norm))[0]).toBeCloseTo(5, 5);
    expect((await list(toFloat(mixed.gradients[1]!)))[0]).toBeCloseTo(0.8, 3);
    expect(await list(clipGradNorm([tf.ones([2])], 0).gradients[0]!)).toEqual([0, 0]);
  });

  it('leaves no tensors behind', () => {
    const gradients = [tf.ones([3]), tf.ones([2, 2])];
    const all = () => {
      const { norm, gradients: clipped } = clipGradNorm(gradients, 1);
      return [norm, ...clipped];
    };
    expect(leaked(all)).toBe(0);
    expect(leaked(() => gradientNorm(gradients, { normType: infinity }))).toBe(0);
    expect(leaked(() => exponentialAverage(gradients[0]!, gradients[0]!, 0.5))).toBe(0);
  });

  it('averages weights, and exchanges them for an evaluation', async () => {
    expect(await list(exponentialAverage(tf.tensor1d([1, 2]), tf.tensor1d([5, 2]), 0.75))).toEqual([2, 2]);
    const weight = tf.variable(tf.tensor1d([4]));
    const average = new WeightAverage([weight], 0.75);
    weight.assign(tf.tensor1d([8]));
    average.update();
    const held = tf.memory().numTensors;
    average.update();
    average.swap();
    expect(await list(weight)).toEqual([5.75]);
    average.swap();
    expect(await list(weight)).toEqual([8]);
    expect(tf.memory().numTensors).toBe(held);
    average.dispose();
    expect(tf.memory().numTensors).toBe(held - 1);
    weight.dispose();
  });
});

describe('errors of clipping and averages', () => {
  it('name the value and the shapes', () => {
    expect(() => clipGradNorm([], -1)).toThrow(/maxNorm must be a number >= 0, got -1/);
    expect(() => gradientNorm([], { normType: 1 as 2 })).toThrow(/normType must be 2 or Infinity, got 1/);
    expect(() => gradientNorm([tf.zeros([2], 'int32')])).toThrow(/gradient must be float32, got int32/);
    expect(() => exponentialAverage(tf.ones([2]), tf.ones([3]), 0.5)).toThrow(/got \[2\] and \[3\]/);
    expect(() => new WeightAverage([], 1.5)).toThrow(/decay must lie in \[0, 1\], got 1.5/);
  });
});
