/**
 * Each bound must cover real float32 arithmetic (rounded after every operation) and must not be idle: a result with
 * a small fault has to lie outside it. Formulas are also checked against values worked out by hand.
 */
import { describe, expect, test } from 'vitest';
import {
  attentionBound,
  gamma,
  layerNormBound,
  matmulBound,
  rmsNormBound,
  ropeBound,
  softmaxBound,
  sumBound,
} from '../../../src/workbench/verify/bounds.js';

const f = Math.fround;
const u = 2 ** -24;

/** A small linear congruential generator: values in [-1, 1), rounded to float32. */
function numbers(count: number, seed: number): number[] {
  let state = seed;
  return Array.from({ length: count }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return f(state / 2 ** 31 - 1);
  });
}

const float32Sum = (terms: number[]) => terms.reduce((sum, term) => f(sum + term), 0);
const exactSum = (terms: number[]) => terms.reduce((sum, term) => sum + term, 0);

describe('gamma', () => {
  test('is n u / (1 - n u)', () => {
    expect(gamma(0)).toBe(0);
    expect(gamma(1000)).toBeCloseTo((1000 * u) / (1 - 1000 * u), 20);
  });

  test('refuses lengths without a bound', () => {
    expect(() => gamma(2 ** 24)).toThrow('gamma: n must lie in [0, 2^24), got 16777216');
    expect(() => gamma(-1)).toThrow(RangeError);
    expect(() => gamma(Number.NaN)).toThrow(RangeError);
  });
});

describe('bounds cover float32 arithmetic', () => {
  test.each([1, 7, 300, 5000])('sumBound, n = %i', (n) => {
    const terms = numbers(n, n);
    const error = Math.abs(float32Sum(terms) - exactSum(terms));
    expect(error).toBeLessThanOrEqual(sumBound(n, 1).absolute);
  });

  test.each([1, 64, 513])('matmulBound, k = %i', (k) => {
    const a = numbers(k, 1);
    const b = numbers(k, 2);
    const product = a.reduce((sum, x, i) => f(sum + f(x * b[i]!)), 0);
    const error = Math.abs(product - exactSum(a.map((x, i) => x * b[i]!)));
    expect(error).toBeLessThanOrEqual(matmulBound(k, 1, 1).absolute);
    // Leaving out one large product is no rounding error.
    expect(matmulBound(k, 1, 1).absolute).toBeLessThan(0.02);
  });

  test.each([
    [2, 1],
    [100, 20],
  ])('softmaxBound, n = %i, range %i', (n, range) => {
    const logits = numbers(n, 5).map((x) => f((x * range) / 2));
    const top = Math.max(...logits);
    const exponentials = logits.map((x) => f(Math.exp(f(x - top))));
    const total = float32Sum(exponentials);
    const exactTotal = exactSum(logits.map((x) => Math.exp(x - top)));
    const bound = softmaxBound(n, Math.max(...logits) - Math.min(...logits)).relative;
    for (const [i, x] of logits.entries()) {
      const exact = Math.exp(x - top) / exactTotal;
      expect(Math.abs(f(exponentials[i]! / total) - exact)).toBeLessThanOrEqual(bound * exact);
    }
    expect(bound).toBeLessThan(1e-4);
  });

  test.each([1, 16, 1000])('rmsNormBound, C = %i', (C) => {
    const x = numbers(C, 9);
    const mean = f(float32Sum(x.map((value) => f(value * value))) / C);
    const scale = f(1 / f(Math.sqrt(f(mean + f(1e-6)))));
    const exactScale = 1 / Math.sqrt(exactSum(x.map((value) => value * value)) / C + f(1e-6));
    const { relative } = rmsNormBound(C);
    for (const value of x) {
      const exact = value * exactScale * 0.75;
      expect(Math.abs(f(f(value * scale) * 0.75) - exact)).toBeLessThanOrEqual(relative * Math.abs(exact));
    }
    expect(relative).toBeLessThan(1e-4);
  });

  test.each([
    [2, 0],
    [16, 0],
    [1000, 5],
  ])('layerNormBound, M = %i, mean %i', (M, mean) => {
    const x = numbers(M, 7).map((value) => f(value + mean));
    const [gain, bias] = [0.75, 0.5];
    const moments = (sum: (terms: number[]) => number, round: (value: number) => number) => {
      const centre = round(sum(x) / M);
      const centred = x.map((value) => round(value - centre));
      const variance = round(sum(centred.map((value) => round(value * value))) / M);
      return { centred, deviation: round(Math.sqrt(round(variance + f(1e-5)))) };
    };
    const exact = moments(exactSum, (value) => value);
    const rounded = moments(float32Sum, f);
    const sizes = { M, x: Math.max(...x.map(Math.abs)), deviation: exact.deviation, gain, bias };
    const { absolute, relative } = layerNormBound(sizes);
    for (const [i, value] of exact.centred.entries()) {
      const expected = (value / exact.deviation) * gain + bias;
      const actual = f(f(f(rounded.centred[i]! * f(1 / rounded.deviation)) * gain) + bias);
      expect(Math.abs(actual - expected)).toBeLessThanOrEqual(absolute + relative * Math.abs(expected));
    }
    expect(absolute + relative).toBeLessThan(M === 1000 ? 1e-3 : 1e-4);
    // Not idle: the unbiased variance, the usual slip, lies outside.
    const slip = Math.abs(exact.centred[0]! / exact.deviation) * gain * (1 - Math.sqrt(1 - 1 / M));
    if (M < 1000) expect(slip).toBeGreaterThan(absolute + relative * 2);
  });

  test('ropeBound', () => {
    const x = numbers(200, 3);
    const bound = ropeBound(1).absolute;
    for (let i = 0; i < 200; i += 2) {
      const [x1, x2, angle] = [x[i]!, x[i + 1]!, i * 13.7];
      const actual = f(f(x1 * f(Math.cos(angle))) - f(x2 * f(Math.sin(angle))));
      expect(Math.abs(actual - (x1 * Math.cos(angle) - x2 * Math.sin(angle)))).toBeLessThanOrEqual(bound);
    }
    expect(bound).toBeLessThan(1e-6);
  });

  test('attentionBound is the sum of its parts, worked out by hand', () => {
    const { absolute } = attentionBound({ D: 4, S: 3, q: 1, k: 1, v: 2 });
    const score = 2; // 1/sqrt(4) · 4 · 1 · 1
    const delta = (gamma(4) + 2 * u) * score;
    const softmax = 2 * (4 + 2 * (3 + 2 * 4)) * u + gamma(2) + 5 * u;
    expect(absolute).toBeCloseTo(2 * (Math.exp(2 * delta) - 1 + softmax + gamma(4)), 12);
  });
});

test('the formula is shown with its numbers', () => {
  expect(matmulBound(64, 2, 3).formula).toBe('γ(k) · k · |a| · |b|; k = 64, a = 2, b = 3, u = 2⁻²⁴');
});

test('a magnitude that is no number is refused by name', () => {
  expect(() => matmulBound(4, Number.NaN, 1)).toThrow('matmulBound: a must be a number >= 0, got NaN');
});
