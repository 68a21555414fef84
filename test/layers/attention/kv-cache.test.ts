import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type NdArray, ndarray } from '../../../src/compute/ndarray.js';
import { seededNormal } from '../../../src/compute/random.js';
import { fromNdArray, read, toNdArray } from '../../../src/compute/read.js';
import { tf } from '../../../src/compute/tf.js';
import { attention } from '../../../src/layers/attention/attention.js';
import { attentionOracle } from '../../../src/layers/attention/attention-oracle.js';
import { KvCache, kvCacheBytes } from '../../../src/layers/attention/kv-cache.js';
import { multiHeadAttention } from '../../../src/layers/attention/multi-head-attention.js';
import type { AttentionRule } from '../../../src/layers/attention/options.js';
import { attentionErrors } from '../../../src/workbench/golden/bounds/attention.js';
import { exact } from '../../../src/workbench/golden/running-error.js';
import { eachBackend } from '../../compute/backends.js';
import { distance, expectWithin } from '../../support/numeric.js';

/** Tokens first .. first + count - 1 of [B,heads,T,D]. */
function tokens(a: NdArray, first: number, count: number): NdArray {
  const [B, heads, T, D] = a.shape as [number, number, number, number];
  const part = ndarray([B, heads, count, D]);
  for (let n = 0; n < B * heads; n++) {
    part.data.set(a.data.subarray((n * T + first) * D, (n * T + first + count) * D), n * count * D);
  }
  return part;
}

eachBackend((name) => {
  beforeEach(() => tf.engine().startScope());
  afterEach(() => tf.engine().endScope());

  describe.each([
    { sizes: [1, 4, 2, 7, 8], steps: [1, 1, 1, 1, 1, 1, 1] },
    { sizes: [2, 3, 1, 9, 5], steps: [4, 1, 3, 1] },
    { sizes: [1, 2, 2, 8, 4], steps: [3, 1, 0, 3, 1], window: 3 },
    { sizes: [1, 1, 1, 1, 1], steps: [1], window: 1 },
  ])('decoding with a cache, $sizes in steps of $steps, window $window', ({ sizes, steps, window }) => {
    it('equals attention over the whole sequence', async () => {
      const [B, H, K, T, D] = sizes as [number, number, number, number, number];
      const q = seededNormal([B, H, T, D], 1);
      const [k, v] = [2, 3].map((seed) => seededNormal([B, K, T, D], seed)) as [NdArray, NdArray];
      const rule: AttentionRule = { causal: true, ...(window !== undefined && { window }) };
      const whole = attentionOracle(q, k, v, rule);
      const errors = attentionErrors(exact(q), exact(k), exact(v), undefined, rule);
      const cache = new KvCache(window === undefined ? {} : { window });
      let first = 0;
      for (const count of steps) {
        const held = cache.append(fromNdArray(tokens(k, first, count)), fromNdArray(tokens(v, first, count)));
        const out = attention(fromNdArray(tokens(q, first, count)), held.k, held.v, rule);
        const bounds = { value: tokens(whole, first, count), error: tokens(errors.out.error, first, count) };
        await expectWithin(`tokens from ${first}`, out, bounds.value, bounds);
        first += count;
        expect(cache.position).toBe(first);
        expect(cache.length).toBeLessThanOrEqual(window === undefined ? first : window - 1 + count);
        expect(cache.bytes).toBe(kvCacheBytes({ layers: 1, K, D, S: cache.length, B, bytesPerNumber: 4 }));
      }
      cache.clear();
    });
  });

  it('multiHeadAttention goes on after the tokens of the cache, with RoPE', async () => {
    const x = seededNormal([2, 5, 12], 4);
    const weight = (rows: number, columns: number, seed: number) =>
      fromNdArray(seededNormal([rows, columns], seed, 1 / Math.sqrt(columns)));
    const weights = {
      wq: weight(16, 12, 5),
      wk: weight(8, 12, 6),
      wv: weight(8, 12, 7),
      wo: weight(12, 16, 8),
    };
    const options = { heads: 4, kvHeads: 2, causal: true, rope: {} };
    const whole = await toNdArray(multiHeadAttention(fromNdArray(x), weights, options));
    const cache = new KvCache();
    const parts = [2, 1, 1, 1].map((count) => {
      const input = tf.slice(fromNdArray(x), [0, cache.position, 0], [2, count, 12]);
      return multiHeadAttention(input, weights, { ...options, cache });
    });
    expect(distance(await toNdArray(tf.concat(parts, 1)), whole)).toBeLessThan(1e-5);
    cache.clear();
  });

  it('keeps infinities and NaN as they are', async () => {
    const cache = new KvCache();
    cache.append(tf.tensor([1, Number.NaN], [1, 1, 1, 2]), tf.ones([1, 1, 1, 2]));
    const { k } = cache.append(
      tf.tensor([Number.POSITIVE_INFINITY, -3e38], [1, 1, 1, 2]),
      tf.ones([1, 1, 1, 2]),
    );
    expect(Array.from(await read(k))).toEqual([1, Number.NaN, Number.POSITIVE_INFINITY, Math.fround(-3e38)]);
    cache.clear();
  });

  it('takes empty tensors', () => {
    const cache = new KvCache();
    const none = tf.zeros([2, 1, 0, 4]);
    expect(cache.append(none, none).k.shape).toEqual([2, 1, 0, 4]);
    expect(cache.append(tf.ones([2, 1, 3, 4]), tf.ones([2, 1, 3, 4])).v.shape).toEqual([2, 1, 3, 4]);
    expect(cache.append(none, none).k.shape).toEqual([2, 1, 3, 4]);
    expect([cache.length, cache.position]).toEqual([3, 3]);
    cache.clear();
  });

  it(`holds two tensors, whatever is appended inside a tidy on ${name}`, async () => {
    const one = tf.ones([1, 2, 1, 4]);
    const before = tf.memory().numTensors;
    const cache = new KvCache({ window: 4 });
    for (let t = 0; t < 6; t++) tf.tidy(() => void cache.append(tf.add(one, t), one));
    expect(tf.memory().numTensors).toBe(before + 2);
    const { k } = cache.append(one, one);
    expect(Array.from((await read(k)).filter((_, n) => n < 16 && n % 4 === 0))).toEqual([4, 5, 6, 1]);
    cache.clear();
    expect(tf.memory().numTensors).toBe(before);
    expect([cache.length, cache.position, cache.bytes]).toEqual([0, 0, 0]);
  });
});

describe('KvCache errors', () => {
  it('print the shapes and leave the cache as it was', () => {
    const cache = new KvCache({ capacity: 3 });
    const two = tf.ones([1, 2, 2, 4]);
    cache.append(two, two);
    expect(() => cache.append(two, two)).toThrow(
      /4 tokens do not fit the capacity of 3 \(holds 2, got k \[1,2,2,4\]\)/,
    );
    const other = tf.ones([1, 1, 1, 4]);
    expect(() => cache.append(other, other)).toThrow(/k \[1,1,1,4\] must agree .* \[1,2,2,4\]/);
    expect(() => cache.append(two, other)).toThrow(
      /same shape \[B,K,T,D\], got k \[1,2,2,4\], v \[1,1,1,4\]/,
    );
    expect(() => cache.append(tf.ones([2, 4]), two)).toThrow(/k must be \[B,K,T,D\]/);
    expect(() => cache.append(two.toInt(), two)).toThrow(TypeError);
    expect([cache.length, cache.position]).toEqual([2, 2]);
    cache.clear();
  });

  it('name the option', () => {
    for (const bad of [0, -1, 1.5, Number.NaN]) {
      expect(() => new KvCache({ capacity: bad })).toThrow(/KvCache: capacity must be a whole number/);
      expect(() => new KvCache({ window: bad })).toThrow(/KvCache: window must be a whole number/);
    }
    expect(() => kvCacheBytes({ layers: 1, K: -1, D: 1, S: 1 })).toThrow(/kvCacheBytes: K must be/);
  });
});

it('kvCacheBytes: Llama 3 8B needs 131,072 bytes per token in 16 bit', () => {
  expect(kvCacheBytes({ layers: 32, K: 8, D: 128, S: 1 })).toBe(131_072);
});
