import { expect, test } from 'vitest';
import { seededNormal, seededUniform } from '../../src/compute/random.js';

test('a seed gives the same float32 normals every time, another seed others', () => {
  const first = seededNormal([3, 5], 7);
  expect(first.shape).toEqual([3, 5]);
  expect([...seededNormal([3, 5], 7).data]).toEqual([...first.data]);
  expect([...seededNormal([3, 5], 8).data]).not.toEqual([...first.data]);
  expect([...first.data]).toEqual([...Float32Array.from(first.data)]);
});

test('the normals have the moments of a normal distribution, within five standard errors', () => {
  const n = 40_000;
  const x = seededNormal([n], 1, 3).data;
  const mean = x.reduce((a, b) => a + b, 0) / n;
  const variance = x.reduce((a, b) => a + (b - mean) ** 2, 0) / n;
  const fourth = x.reduce((a, b) => a + (b - mean) ** 4, 0) / n / variance ** 2;
  expect(Math.abs(mean)).toBeLessThan((5 * 3) / Math.sqrt(n));
  expect(Math.abs(variance / 9 - 1)).toBeLessThan(5 * Math.sqrt(2 / n));
  expect(Math.abs(fourth - 3)).toBeLessThan(5 * Math.sqrt(96 / n));
});

test('uniform values stay in [0, 1) and fill it evenly', () => {
  const uniform = seededUniform(3);
  const counts = new Array<number>(10).fill(0);
  for (let i = 0; i < 10_000; i++) {
    const value = uniform();
    expect(value >= 0 && value < 1).toBe(true);
    counts[Math.floor(value * 10)]! += 1;
  }
  for (const count of counts) expect(Math.abs(count - 1000)).toBeLessThan(5 * Math.sqrt(900));
});
