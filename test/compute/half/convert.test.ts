/** Half precision bit for bit: every value, every midpoint between two, overflow, subnormals, NaN, on every backend. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { halfBits, halfValue } from '../../../src/compute/half/binary16.js';
import {
  type HalfTensor,
  halfTensor,
  isHalf,
  reshapeHalf,
  roundToHalfOracle,
  toFloat,
  toHalf,
  toHalfOracle,
} from '../../../src/compute/half/index.js';
import { ndarray } from '../../../src/compute/ndarray.js';
import { fromNdArray, read, toNdArray } from '../../../src/compute/read.js';
import { tf } from '../../../src/compute/tf.js';
import { leaked } from '../../support/numeric.js';
import { eachBackend } from '../backends.js';

/** All 65,536, by the definition of the format. */
const everyValue = Float64Array.from({ length: 2 ** 16 }, (_, half) => {
  const [sign, exponent, fraction] = [half >> 15 ? -1 : 1, (half >> 10) & 31, half & 1023];
  if (exponent === 31) return fraction === 0 ? sign / 0 : Number.NaN;
  return sign * (exponent === 0 ? fraction / 1024 : 1 + fraction / 1024) * 2 ** Math.max(exponent - 15, -14);
});
const finite = everyValue.filter(Number.isFinite);
const positive = [...new Set(finite.map(Math.abs))].sort((a, b) => a - b);

/** Between each number and the next: the midpoint, and the float32 on either side of it, with both signs. */
const between = positive.flatMap((value, n) => {
  const middle = (value + (positive[n + 1] ?? 65_536)) / 2;
  const ulp = 2 ** (Math.floor(Math.log2(middle)) - 23);
  return [middle, middle - ulp, middle + ulp].flatMap((x) => [x, -x]);
});

describe('the oracle of half precision', () => {
  it('leaves every half-precision number as it is', () => {
    expect(toHalfOracle(ndarray([2 ** 16], everyValue)).data).toEqual(everyValue);
    expect(positive.length).toBe(31 * 1024);
  });

  it('rounds known numbers', () => {
    expect([1 / 3, 2049, 2051, 65_519.99, 65_520, 2 ** -25, 2 ** -25 * 1.01].map(roundToHalfOracle)).toEqual([
      0.333251953125,
      2048,
      2052,
      65_504,
      Infinity,
      0,
      2 ** -24,
    ]);
    expect([0.1, 1e-5, Math.PI].map(roundToHalfOracle)).toEqual([1638 / 16384, 168 * 2 ** -24, 3.140625]);
  });
});

describe('16 bits', () => {
  it('are read as the format says, and written back', () => {
    for (let half = 0; half < 2 ** 16; half++) {
      expect(Object.is(halfValue(half), everyValue[half]) || half === 0x8000).toBe(true);
      if (!Number.isNaN(everyValue[half])) expect(halfBits(halfValue(half))).toBe(half);
    }
    expect(Object.is(halfValue(0x8000), -0)).toBe(true);
    expect(halfBits(Number.NaN) & 0x7fff).toBeGreaterThan(0x7c00);
  });
});

eachBackend(() => {
  beforeEach(() => tf.engine().startScope());
  afterEach(() => tf.engine().endScope());

  it('every half-precision number goes there and back', async () => {
    const words = Int32Array.from({ length: 2 ** 15 }, (_, n) => ((2 * n + 1) << 16) | (2 * n));
    const half = halfTensor([2 ** 16], tf.tensor1d(words, 'int32'));
    const floats = toFloat(half);
    expect(Float64Array.from(await read(floats))).toEqual(everyValue);
    const back = await read(toHalf(floats).packed);
    const isNaN16 = (bits: number) => (bits & 0x7fff) > 0x7c00;
    for (let n = 0; n < 2 ** 16; n++) {
      const bits = (back[n >> 1]! >>> ((n & 1) * 16)) & 0xffff;
      if (isNaN16(n) ? !isNaN16(bits) : bits !== n)
        expect.fail(`${n.toString(16)} became ${bits.toString(16)}`);
    }
  });

  it('rounds to nearest even next to every midpoint', async () => {
    const x = ndarray([between.length], between);
    const rounded = await toNdArray(toFloat(toHalf(fromNdArray(x))));
    const expected = toHalfOracle(x);
    for (let n = 0; n < between.length; n++) {
      if (rounded.data[n] !== expected.data[n]) {
        expect.fail(`${between[n]} became ${rounded.data[n]} instead of ${expected.data[n]}`);
      }
    }
  });

  it('overflows to Infinity, underflows to 0, keeps NaN and signs', async () => {
    const values = [
      65_519,
      65_520,
      -65_520,
      3e38,
      -Infinity,
      Infinity,
      Number.NaN,
      2 ** -25,
      -(2 ** -26),
      -0,
    ];
    const floats = Array.from(await read(toFloat(toHalf(tf.tensor1d(values)))));
    const inf = Number.POSITIVE_INFINITY;
    expect(floats).toEqual([65_504, inf, -inf, inf, -inf, inf, Number.NaN, 0, -0, -0]);
  });

  it.each([[[1]], [[3]], [[2, 5]], [[7, 3, 5]], [[]], [[0]], [[2, 0]]])(
    'takes the shape %j',
    async (shape) => {
      const x = tf.randomNormal(shape);
      const half = toHalf(x);
      expect([half.shape, half.packed.dtype]).toEqual([shape, 'int32']);
      expect(half.packed.size).toBe(Math.ceil(x.size / 2));
      const back = toFloat(half);
      expect(isHalf(half)).toBe(true);
      expect(back.shape).toEqual(shape);
      const values = await read(x);
      expect(Array.from(await read(back))).toEqual(Array.from(values, roundToHalfOracle));
    },
  );

  it('tidy keeps what it returns, dispose frees it', () => {
    const x = tf.ones([5]);
    const before = tf.memory().numTensors;
    const half = tf.tidy(() => toHalf(tf.add(toFloat(toHalf(x)), 1)));
    expect(tf.memory().numTensors).toBe(before + 1);
    expect(reshapeHalf(half, [5, 1]).shape).toEqual([5, 1]);
    tf.dispose(half);
    expect(half.packed.isDisposed).toBe(true);
    expect(leaked(() => toHalf(x))).toBe(0);
  });
});

describe('half tensors', () => {
  it('refuse what does not fit, and say so', () => {
    expect(() => toHalf(tf.ones([2], 'int32'))).toThrow(/toHalf: x must be float32, got int32 \[2\]/);
    expect(() => toHalf(toHalf(tf.ones([2])) as unknown as tf.Tensor)).toThrow(/HalfTensor \[2\].* already/);
    expect(() => toFloat(tf.ones([2]) as unknown as HalfTensor)).toThrow(/needs a half tensor/);
    expect(() => halfTensor([3], tf.zeros([1], 'int32'))).toThrow(
      /needs packed int32 \[2\], got int32 \[1\]/,
    );
    expect(() => reshapeHalf(toHalf(tf.ones([4])), [3])).toThrow(/\[4\] holds 4 numbers, \[3\] asks for 3/);
    expect(`${toHalf(tf.ones([4, 1]))}`).toBe('HalfTensor [4,1] (float16)');
  });
});
