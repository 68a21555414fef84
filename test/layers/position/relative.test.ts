import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type NdArray, ndarray } from '../../../src/compute/ndarray.js';
import { seededNormal } from '../../../src/compute/random.js';
import { fromNdArray, read, toNdArray } from '../../../src/compute/read.js';
import { tf } from '../../../src/compute/tf.js';
import { attention } from '../../../src/layers/attention/attention.js';
import { shawRelativeBias, t5RelativeBias, t5RelativeBucket } from '../../../src/layers/position/relative.js';
import { eachBackend } from '../../compute/backends.js';
import { differences, distance, leaked } from '../../support/numeric.js';

describe('t5RelativeBucket', () => {
  it('tells short distances apart and groups long ones', () => {
    const decoder = { bidirectional: false, buckets: 8, maxDistance: 16 };
    // 4 single buckets, then 4 * 4^(k/4): 4-5, 6-7, 8-11 (5.66 and 11.3 are the borders), from 12 on the last.
    const expected = [0, 1, 2, 3, 4, 4, 5, 5, 6, 6, 6, 6, 7, 7, 7, 7, 7, 7];
    expect(expected.map((_, distance) => t5RelativeBucket(-distance, decoder))).toEqual(expected);
    expect(t5RelativeBucket(3, decoder)).toBe(0);
    expect(t5RelativeBucket(1)).toBe(17);
    expect(t5RelativeBucket(-1)).toBe(1);
    expect([128, 1000, 1e9].map((d) => t5RelativeBucket(d))).toEqual([31, 31, 31]);
  });

  it('never decreases with distance and uses every bucket', () => {
    const seen = Array.from({ length: 200 }, (_, d) => t5RelativeBucket(-d));
    expect(seen.every((bucket, d) => d === 0 || bucket >= seen[d - 1]!)).toBe(true);
    expect(new Set(seen).size).toBe(16);
  });

  it('refuses sizes that leave no room', () => {
    expect(() => t5RelativeBucket(1, { buckets: 2 })).toThrow(/buckets must be .* got buckets 2/);
    expect(() => t5RelativeBucket(1, { maxDistance: 8 })).toThrow(/maxDistance 8/);
    expect(() => t5RelativeBucket(0.5)).toThrow(/must be a whole number, got 0.5/);
  });
});

/** Shaw's key term by loops: scale q_i . table[clip(j - i - (S - T)) + k]. */
function shawByLoops(q: NdArray, table: NdArray, S: number, scale: number): NdArray {
  const [B, H, T, D] = q.shape as [number, number, number, number];
  const k = (table.shape[0]! - 1) / 2;
  const bias = ndarray([B, H, T, S]);
  for (let n = 0; n < bias.data.length; n++) {
    const [row, i, j] = [Math.floor(n / S), Math.floor(n / S) % T, n % S];
    const offset = Math.max(-k, Math.min(k, j - i - (S - T))) + k;
    for (let d = 0; d < D; d++) bias.data[n]! += scale * q.data[row * D + d]! * table.data[offset * D + d]!;
  }
  return bias;
}

eachBackend(() => {
  beforeEach(() => tf.engine().startScope());
  afterEach(() => tf.engine().endScope());

  it.each([
    [3, 5],
    [4, 4],
    [1, 9],
  ])('t5RelativeBias puts the table where the buckets are, T = %i, S = %i', async (T, S) => {
    const [H, options] = [2, { buckets: 4, maxDistance: 3 }];
    const table = seededNormal([4, H], 1);
    const bias = await toNdArray(t5RelativeBias(fromNdArray(table), T, S, options));
    expect(bias.shape).toEqual([1, H, T, S]);
    const dy = seededNormal([1, H, T, S], 2);
    const gradient = ndarray([4, H]);
    bias.data.forEach((value, n) => {
      const [h, i, j] = [Math.floor(n / (T * S)), Math.floor(n / S) % T, n % S];
      const place = t5RelativeBucket(j - i - (S - T), options) * H + h;
      expect(value).toBe(table.data[place]);
      gradient.data[place]! += dy.data[n]!;
    });
    const run = (at: tf.Tensor) => t5RelativeBias(at, T, S, options);
    expect(
      distance(await toNdArray(tf.grad(run)(fromNdArray(table), fromNdArray(dy))), gradient),
    ).toBeLessThan(1e-5);
  });

  it('shawRelativeBias agrees with loops, forward and backward', async () => {
    for (const [T, S] of [
      [3, 5],
      [1, 4],
      [4, 4],
    ] as const) {
      const [q, table] = [seededNormal([2, 2, T, 6], 1), seededNormal([5, 6], 2)];
      const dy = seededNormal([2, 2, T, S], 3);
      const run = (a: tf.Tensor, b: tf.Tensor) => shawRelativeBias(a, b, S, 0.5);
      const inputs = [fromNdArray(q), fromNdArray(table)] as const;
      expect(distance(await toNdArray(run(...inputs)), shawByLoops(q, table, S, 0.5))).toBeLessThan(1e-5);
      const byDefault = await toNdArray(shawRelativeBias(...inputs, S));
      expect(distance(byDefault, shawByLoops(q, table, S, 1 / Math.sqrt(6)))).toBeLessThan(1e-5);
      const [dq, dtable] = tf.grads(run)([...inputs], fromNdArray(dy));
      const ofQ = differences((at) => shawByLoops(at, table, S, 0.5), q, dy);
      const ofTable = differences((at) => shawByLoops(q, at, S, 0.5), table, dy);
      expect(distance(await toNdArray(dq!), ofQ)).toBeLessThan(1e-4);
      expect(distance(await toNdArray(dtable!), ofTable)).toBeLessThan(1e-4);
    }
  });

  it('both are masks that attention adds and differentiates', async () => {
    const [q, k] = [fromNdArray(seededNormal([1, 2, 3, 4], 1)), fromNdArray(seededNormal([1, 2, 3, 4], 2))];
    const table = tf.zeros([5, 4]);
    const run = (at: tf.Tensor) => attention(q, k, k, { causal: true, mask: shawRelativeBias(q, at, 3) });
    const plain = await toNdArray(attention(q, k, k, { causal: true, path: 'composed' }));
    expect(distance(await toNdArray(run(table)), plain)).toBeLessThan(1e-6);
    const gradient = await read(tf.grad(run)(table));
    expect(gradient.some((value) => value !== 0)).toBe(true);
    expect(attention(q, k, k, { mask: t5RelativeBias(tf.ones([32, 2]), 3, 3) }).shape).toEqual([1, 2, 3, 4]);
  });

  it('leaves no tensors behind', () => {
    const [q, table] = [tf.ones([1, 2, 3, 4]), tf.ones([3, 4])];
    expect(leaked(() => shawRelativeBias(q, table, 3))).toBe(0);
    expect(
      leaked(() =>
        t5RelativeBias(tf.keep(table), 3, 3, { bidirectional: false, buckets: 3, maxDistance: 9 }),
      ),
    ).toBe(0);
  });
});

describe('relative bias errors', () => {
  it('print the shapes', () => {
    expect(() => t5RelativeBias(tf.ones([16, 2]), 3, 3, { buckets: 32 })).toThrow(
      /table \[16,2\] must have .* 32 buckets/,
    );
    expect(() => shawRelativeBias(tf.ones([1, 2, 3, 4]), tf.ones([4, 4]), 3)).toThrow(
      /table must be \[2k\+1,D\].* table \[4,4\] and q \[1,2,3,4\]/,
    );
    expect(() => t5RelativeBias(tf.ones([32, 2]), -1, 3)).toThrow(/T and S must be whole numbers/);
  });
});
