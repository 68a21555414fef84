/** Quantisation with scales: the step bounds the error, and special blocks are what they should be. */
import { describe, expect, it } from 'vitest';
import { ndarray } from '../../../src/compute/ndarray.js';
import { seededNormal } from '../../../src/compute/random.js';
import {
  currentScale,
  DelayedScale,
  decodeE8m0,
  decodeFloat,
  floatFormats,
  quantizeAbsMax,
  quantizeMicroscaled,
  quantizeZeroPoint,
  scaleToFormat,
} from '../../../src/training/precision/index.js';

const x = seededNormal([5, 64], 3, 2);

describe('microscaling', () => {
  it.each(['fp8_e4m3', 'fp8_e5m2', 'fp4_e2m1'] as const)(
    '%s: values are codes times powers of two',
    (name) => {
      const { scales, codes, values } = quantizeMicroscaled(x, floatFormats[name]);
      expect([scales.shape, codes.shape, values.shape]).toEqual([
        [5, 2],
        [5, 64],
        [5, 64],
      ]);
      const largest = { fp8_e4m3: 448, fp8_e5m2: 57344, fp4_e2m1: 6 }[name];
      for (const [n, code] of scales.data.entries()) {
        const block = x.data.subarray(32 * n, 32 * (n + 1));
        const most = Math.max(...block.map(Math.abs));
        // The largest number lies in the highest power of two of the format.
        const scaled = most / decodeE8m0(code);
        expect(
          scaled >= 2 ** Math.floor(Math.log2(largest)) && scaled < 2 ** Math.ceil(Math.log2(largest)),
        ).toBe(true);
        for (let i = 0; i < 32; i++) {
          const at = 32 * n + i;
          expect(values.data[at]).toBe(decodeFloat(codes.data[at]!, floatFormats[name]) * decodeE8m0(code));
          // Saturation aside: half a step of the largest numbers.
          if (Math.abs(block[i]! / decodeE8m0(code)) <= largest)
            expect(Math.abs(values.data[at]! - block[i]!)).toBeLessThanOrEqual(most / 4);
        }
      }
    },
  );

  it('zeros, NaN and infinity', () => {
    const rows = ndarray([4, 2], [0, 0, 1, NaN, Infinity, 1, 2 ** -140, 0]);
    const { scales, values } = quantizeMicroscaled(rows, floatFormats.fp8_e4m3, 2);
    expect([...scales.data]).toEqual([0, 255, 247, 0]);
    expect([...values.data].slice(0, 5)).toEqual([0, 0, NaN, NaN, 448 * 2 ** 120]);
    const four = quantizeMicroscaled(ndarray([2], [NaN, 1]), floatFormats.fp4_e2m1, 2);
    expect([...four.values.data]).toEqual([NaN, NaN]);
    expect(quantizeMicroscaled(ndarray([0, 32]), floatFormats.fp8_e4m3).values.shape).toEqual([0, 32]);
  });

  it('refuses what does not divide', () => {
    expect(() => quantizeMicroscaled(ndarray([2, 33]), floatFormats.fp8_e4m3)).toThrow(
      'the last axis of [2,33] does not divide into blocks of 32; pad it to 64',
    );
  });
});

describe('8-bit whole numbers', () => {
  it.each([true, false])('by the largest magnitude, per channel: %s', (perChannel) => {
    const { scale, codes, values } = quantizeAbsMax(x, { perChannel });
    expect(scale.shape).toEqual(perChannel ? [5] : []);
    expect(Math.max(...codes.data.map(Math.abs))).toBe(127);
    for (const [n, value] of x.data.entries()) {
      const step = scale.data[perChannel ? Math.floor(n / 64) : 0]!;
      expect(Math.abs(values.data[n]! - value)).toBeLessThanOrEqual((step / 2) * (1 + 1e-6));
    }
    expect([...quantizeAbsMax(ndarray([3])).values.data]).toEqual([0, 0, 0]);
  });

  it.each([true, false])('with a zero point, per channel: %s', (perChannel) => {
    const shifted = ndarray(
      x.shape,
      x.data.map((value) => value + 5),
    );
    const { scale, zeroPoint, codes, values } = quantizeZeroPoint(shifted, { perChannel });
    expect(Math.min(...codes.data)).toBeGreaterThanOrEqual(-128);
    expect(Math.max(...codes.data)).toBe(127);
    for (const [n, value] of shifted.data.entries()) {
      const step = scale.data[perChannel ? Math.floor(n / 64) : 0]!;
      expect(Math.abs(values.data[n]! - value)).toBeLessThanOrEqual(step * (1 + 1e-6));
    }
    // Zero is a code of its own, also where no number is near it.
    expect([...zeroPoint.data].every((code) => Number.isInteger(code) && code >= -128 && code <= 127)).toBe(
      true,
    );
    const far = quantizeZeroPoint(ndarray([2], [100, 101]));
    expect(far.zeroPoint.data[0]).toBe(-128);
    expect(far.values.data[1]! / 101).toBeCloseTo(1, 7);
  });
});

describe('scales of 8-bit floats', () => {
  it('use the whole range now, and saturate when they come from before', () => {
    const format = floatFormats.fp8_e4m3;
    const now = scaleToFormat(x, format);
    expect(Math.max(...now.decoded.data.map(Math.abs))).toBe(448);
    expect(scaleToFormat(ndarray([2]), format).decoded.data).toEqual(Float64Array.of(0, 0));
    const delayed = new DelayedScale(format, 2);
    expect(delayed.scale).toBe(1);
    delayed.quantize(ndarray([1], [2]));
    expect(delayed.scale).toBe(224);
    expect(delayed.quantize(ndarray([1], [8])).decoded.data[0]).toBe(448);
    expect(delayed.scale).toBe(56);
    delayed.quantize(ndarray([1], [1]));
    delayed.quantize(ndarray([1], [1]));
    expect(delayed.scale).toBe(currentScale(ndarray([1], [1]), format));
    expect(() => new DelayedScale(format, 0)).toThrow('length must be a whole number from 1, got 0');
  });
});
