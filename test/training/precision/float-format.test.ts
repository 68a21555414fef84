/** The formats against IEEE's own float32 and binary16, against each other, and against what their papers say. */
import { describe, expect, it } from 'vitest';
import { halfBits, halfValue } from '../../../src/compute/half/binary16.js';
import { seededUniform } from '../../../src/compute/random.js';
import {
  decodeE8m0,
  decodeFloat,
  encodeFloat,
  floatFacts,
  floatFormatNames,
  floatFormats,
  roundStochastically,
  roundTo,
  ulp,
} from '../../../src/training/precision/index.js';

const small = floatFormatNames.filter((name) => floatFacts(floatFormats[name]).bits <= 16);
const special = [
  0,
  -0,
  1,
  -1,
  2 ** -149,
  2 ** -150,
  1e-320,
  65519.9,
  65520,
  3.5e38,
  Infinity,
  -Infinity,
  NaN,
];

/** Over all magnitudes, and the middles between float32 neighbours. */
function* samples(count: number, from: number, to: number): Generator<number> {
  const uniform = seededUniform(1);
  for (let n = 0; n < count; n++)
    yield (uniform() < 0.5 ? -1 : 1) * (1 + uniform()) * 2 ** (from + (to - from) * uniform());
  yield* special;
}

describe('float32', () => {
  it('is what Math.fround rounds to, from float64', () => {
    for (const x of samples(20_000, -155, 130))
      expect(roundTo(x, floatFormats.fp32), `${x}`).toBe(Math.fround(x));
    const middle = 1 + 2 ** -24;
    expect([middle, middle + 2 ** -23].map((x) => roundTo(x, floatFormats.fp32))).toEqual([1, 1 + 2 ** -22]);
  });

  it('has the codes of its bits', () => {
    const float = new Float32Array(1);
    const bits = new Uint32Array(float.buffer);
    for (const x of samples(5000, -149, 127)) {
      if (Number.isNaN(x)) continue;
      float[0] = x;
      expect(encodeFloat(x, floatFormats.fp32), `${x}`).toBe(bits[0]);
      expect(decodeFloat(bits[0]!, floatFormats.fp32)).toBe(float[0]);
    }
  });
});

it('binary16 is that of the half tensors', () => {
  for (const x of samples(20_000, -26, 17)) {
    const single = Math.fround(x);
    expect(encodeFloat(single, floatFormats.fp16), `${single}`).toBe(halfBits(single));
    expect(roundTo(single, floatFormats.fp16)).toBe(halfValue(halfBits(single)));
  }
});

describe.each(small)('%s', (name) => {
  const format = floatFormats[name];
  const { bits, max } = floatFacts(format);
  const codes = Array.from({ length: 2 ** bits }, (_, code) => code);

  it('gives every number its own code back', () => {
    for (const code of codes) {
      const value = decodeFloat(code, format);
      if (Number.isNaN(value)) continue;
      if (format.saturates || Number.isFinite(value)) expect(encodeFloat(value, format)).toBe(code);
      expect(roundTo(value, format)).toBe(value);
    }
  });

  it('rounds to the nearest of all its numbers, from the middle to the even code', () => {
    const values = codes
      .slice(0, codes.length / 2)
      .map((code) => decodeFloat(code, format))
      .filter(Number.isFinite);
    const sample = bits > 8 ? values.filter((_, n) => n % 997 === 0) : values;
    for (const value of sample) {
      const code = values.indexOf(value);
      const next = values[code + 1];
      if (next === undefined) continue;
      const middle = (value + next) / 2;
      expect(roundTo(middle, format)).toBe(code % 2 === 0 ? value : next);
      expect(roundTo(middle - middle * 2 ** -50, format)).toBe(value);
      expect(roundTo(-middle - middle * 2 ** -50, format)).toBe(-next);
      expect(ulp(value === 0 ? next : value, format)).toBe(value === 0 ? next : next - value);
    }
  });

  it('becomes its largest number or infinity above', () => {
    const above = max + ulp(max, format);
    const top = format.saturates ? max : Number.POSITIVE_INFINITY;
    expect([above, -above, Infinity].map((x) => roundTo(x, format))).toEqual([top, -top, top]);
    expect(roundTo(max + ulp(max, format) / 2 - ulp(max, format) / 100, format)).toBe(max);
  });

  it('is drawn around a number with its mean', () => {
    const uniform = seededUniform(7);
    const x = 1 + ulp(1, format) / 4;
    const draws = Array.from({ length: 20_000 }, () => roundStochastically(x, format, uniform));
    expect(new Set(draws)).toEqual(new Set([1, 1 + ulp(1, format)]));
    const share = draws.filter((draw) => draw > 1).length / draws.length;
    // Six standard deviations.
    expect(Math.abs(share - 1 / 4)).toBeLessThan(6 * Math.sqrt(3 / 16 / draws.length));
    expect(roundStochastically(1, format, () => 0.999)).toBe(1);
  });
});

it('the facts of the formats are those of their papers', () => {
  const facts = Object.fromEntries(floatFormatNames.map((name) => [name, floatFacts(floatFormats[name])]));
  expect(facts.fp16).toMatchObject({ max: 65504, minNormal: 2 ** -14, minSubnormal: 2 ** -24 });
  expect(facts.bf16).toMatchObject({
    max: (2 - 2 ** -7) * 2 ** 127,
    minNormal: 2 ** -126,
    ulpOfOne: 2 ** -7,
  });
  expect(facts.tf32).toMatchObject({ bits: 19, ulpOfOne: 2 ** -10, minNormal: 2 ** -126 });
  expect(facts.fp8_e4m3).toMatchObject({
    max: 448,
    minNormal: 2 ** -6,
    minSubnormal: 2 ** -9,
    finiteNumbers: 253,
  });
  expect(facts.fp8_e5m2).toMatchObject({
    max: 57344,
    minNormal: 2 ** -14,
    minSubnormal: 2 ** -16,
    finiteNumbers: 247,
  });
  expect(facts.fp4_e2m1).toMatchObject({ max: 6, minNormal: 1, minSubnormal: 0.5, finiteNumbers: 15 });
});

it('what a format cannot hold is told', () => {
  expect(() => roundTo(NaN, floatFormats.fp4_e2m1)).toThrow('fp4_e2m1 has no NaN');
  expect(() => decodeFloat(256, floatFormats.fp8_e4m3)).toThrow(
    '256 is no code of fp8_e4m3, which has 0 to 255',
  );
  expect(() => decodeE8m0(-1)).toThrow('-1 is no code of 8 bits');
  expect([encodeFloat(NaN, floatFormats.fp8_e5m2), encodeFloat(NaN, floatFormats.fp16)]).toEqual([
    127, 0x7e00,
  ]);
});
