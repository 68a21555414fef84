/** The error measures against numbers worked out by hand, and the float32 spacing against the format itself. */
import { describe, expect, test } from 'vitest';
import { compare, shapeDifference, ulp32 } from '../../../src/workbench/verify/compare.js';
import { toValues } from '../../../src/workbench/verify/values.js';

const exact = { absolute: 0, relative: 0, ulp: 0 };
const values = (nested: unknown) => toValues('test', nested);

/** The distance to the next float32, read off its bits. */
function spacing(value: number): number {
  const float = Float32Array.of(Math.abs(value));
  const bits = new Uint32Array(float.buffer);
  const here = float[0]!;
  bits[0]!++;
  return float[0]! - here;
}

describe('ulp32', () => {
  test.each([1, 1.5, 2 ** 24, 3.4e38 / 2, 2 ** -126, 1e-40, 0, -7.25, 1e-30])('spacing at %s', (value) => {
    expect(ulp32(Math.fround(value))).toBe(spacing(value));
  });

  test('infinite and NaN values have no spacing', () => {
    expect(ulp32(Number.POSITIVE_INFINITY)).toBeNaN();
    expect(ulp32(Number.NaN)).toBeNaN();
  });
});

describe('compare', () => {
  test('finds the worst element and counts those outside', async () => {
    const actual = await values([
      [1, 2.5],
      [30, 4],
    ]);
    const expected = await values([
      [1, 2],
      [31, 4],
    ]);
    const result = compare(actual, expected, { absolute: 0.4, relative: 0.02, ulp: 0 });
    // Allowed: 0.44 at 2 (error 0.5, outside) and 1.02 at 31 (error 1, inside).
    expect(result).toMatchObject({ count: 4, outside: 1, maxAbsolute: 1, maxRelative: 0.25 });
    expect(result.worst).toMatchObject({ index: [0, 1], actual: 2.5, expected: 2, error: 0.5 });
    expect(result.worst!.allowed).toBeCloseTo(0.44, 12);
  });

  test('ULP errors are measured at the expected value', async () => {
    const result = compare(await values([1 + 2 ** -22]), await values([1]), { ...exact, ulp: 2 });
    expect(result).toMatchObject({ maxUlp: 2, outside: 0 });
    expect(compare(await values([1 + 2 ** -22]), await values([1]), { ...exact, ulp: 1.9 }).outside).toBe(1);
  });

  test('NaN is outside every bound, also one beside larger errors', async () => {
    const loose = { absolute: 1e30, relative: 1, ulp: 0 };
    const result = compare(await values([5, Number.NaN, 7]), await values([1, 2, 3]), loose);
    expect(result.outside).toBe(1);
    expect(result.worst!.index).toEqual([1]);
    expect(result.maxAbsolute).toBeNaN();
    expect(compare(await values([Number.NaN]), await values([Number.NaN]), loose).outside).toBe(1);
    expect(compare(await values([1]), await values([Number.NaN]), loose).outside).toBe(1);
  });

  test('NaN may equal NaN on request, and only NaN', async () => {
    const both = await values([Number.NaN, 1]);
    expect(compare(both, both, exact, { nanEqual: true }).outside).toBe(0);
    expect(compare(await values([2, 1]), both, exact, { nanEqual: true }).outside).toBe(1);
  });

  test('infinities match only themselves', async () => {
    const infinity = Number.POSITIVE_INFINITY;
    const loose = { absolute: 1e300, relative: 1, ulp: 1 };
    expect(compare(await values([infinity]), await values([infinity]), exact).outside).toBe(0);
    expect(compare(await values([-infinity]), await values([infinity]), loose).outside).toBe(1);
    expect(compare(await values([1]), await values([infinity]), loose).outside).toBe(1);
    expect(compare(await values([infinity]), await values([1]), loose).outside).toBe(1);
  });

  test('empty arrays compare nothing', async () => {
    expect(compare(await values([]), await values([]), exact)).toMatchObject({ count: 0, worst: undefined });
  });
});

describe('shapes', () => {
  test('differences print both shapes', async () => {
    expect(shapeDifference(await values([[1, 2, 3]]), await values([[1], [2], [3]]))).toContain(
      'actual [1,3], expected [3,1]',
    );
    expect(shapeDifference(await values(1), await values([1]))).toContain('actual [], expected [1]');
  });

  test('a flat typed array fits any shape of its size', async () => {
    expect(shapeDifference(await values(Float32Array.of(1, 2)), await values([[1], [2]]))).toBeUndefined();
    expect(shapeDifference(await values(Float32Array.of(1, 2)), await values([[1, 2, 3]]))).toContain('[2]');
  });

  test('ragged arrays, promises and objects are refused with what they are', async () => {
    await expect(values([[1, 2], [3]])).rejects.toThrow('axis 1 has extent 2, but one entry is a list of 1');
    await expect(values([[1], 2])).rejects.toThrow('one entry is a number');
    await expect(values(['a'])).rejects.toThrow('expected a number in the nested array, got a string');
    await expect(values({})).rejects.toThrow('an object of Object class');
    await expect(values([Promise.resolve(1)])).rejects.toThrow('is an await missing?');
    await expect(values({ shape: [2], data: new Float64Array(3) })).rejects.toThrow(
      'needs 2 values, it holds 3',
    );
  });
});
