import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ndarray } from '../../../src/compute/ndarray.js';
import { seededNormal } from '../../../src/compute/random.js';
import { fromNdArray, read, toNdArray } from '../../../src/compute/read.js';
import { tf } from '../../../src/compute/tf.js';
import { linearAttention } from '../../../src/layers/attention/linear-attention.js';
import {
  type LinearAttentionOracleOptions,
  linearAttentionGradientOracle,
  linearAttentionOracle,
} from '../../../src/layers/attention/linear-attention-oracle.js';
import { linearAttentionErrors } from '../../../src/workbench/golden/bounds/linear-attention.js';
import { eachBackend } from '../../compute/backends.js';
import { distance, expectComponent, expectOracleGradient, leaked } from '../../support/numeric.js';

const inputs = (B: number, H: number, T: number, D: number, E = D) => ({
  q: seededNormal([B, H, T, D], 1),
  k: seededNormal([B, H, T, D], 2),
  v: seededNormal([B, H, T, E], 3),
});

describe('the linear attention oracle', () => {
  it('averages by phi(q) . phi(k)', () => {
    // phi(0) = 1, phi(1) = 2: the second query weighs the two values 1 * 1 + 2 * 1 = 3 and 1 * 2 + 2 * 1 = 4.
    const q = ndarray([1, 1, 2, 2], [5, 5, 0, 1]);
    const k = ndarray([1, 1, 2, 2], [0, 0, 1, 0]);
    const y = linearAttentionOracle(q, k, ndarray([1, 1, 2, 1], [7, 14]));
    expect(distance(y, ndarray([1, 1, 2, 1], [7, (3 * 7 + 4 * 14) / 7]))).toBeLessThan(1e-14);
  });

  it.each([
    [{}],
    [{ causal: false }],
    [{ rope: {} }],
    [{ rope: { layout: 'half', positions: [3, 5, 9] } }],
  ] as [LinearAttentionOracleOptions][])('has the gradients of its own forward pass, %j', (options) => {
    const given = inputs(2, 1, 3, 4, 3);
    const dy = seededNormal([2, 1, 3, 3], 4);
    const gradients = linearAttentionGradientOracle(given.q, given.k, given.v, dy, options);
    expectOracleGradient((at) => linearAttentionOracle(at.q, at.k, at.v, options), given, dy, gradients);
  });
});

eachBackend((name) => {
  beforeEach(() => tf.engine().startScope());
  afterEach(() => tf.engine().endScope());

  const forms = [
    { causal: true, form: 'parallel' },
    { causal: true, form: 'recurrent' },
    { causal: true, form: 'chunked', chunk: 4 },
    { causal: true, form: 'chunked' },
    { causal: false },
  ] as const;

  describe.each(forms)('linearAttention %j', (options) => {
    it.each([
      [1, 1, 1, 1, 1],
      [2, 3, 5, 4, 4],
      [1, 2, 9, 7, 3],
    ])(
      'matches the oracle, forward and backward, for B, H, T, D, E = %i, %i, %i, %i, %i',
      async (...size) => {
        const given = inputs(...size);
        const dy = seededNormal(given.v.shape, 4);
        const expected = {
          out: linearAttentionOracle(given.q, given.k, given.v, options),
          gradients: linearAttentionGradientOracle(given.q, given.k, given.v, dy, options),
        };
        const bounds = linearAttentionErrors(given.q, given.k, given.v, dy, options.causal);
        await expectComponent(
          ({ q, k, v }) => linearAttention(q, k, v, options),
          given,
          dy,
          expected,
          bounds,
        );
      },
    );

    it('rotates the numerator only', async () => {
      const { q, k, v } = inputs(1, 2, 4, 6);
      const rope = { layout: 'half' as const };
      const out = linearAttention(fromNdArray(q), fromNdArray(k), fromNdArray(v), { ...options, rope });
      const expected = linearAttentionOracle(q, k, v, { ...options, rope });
      expect(distance(await toNdArray(out), expected)).toBeLessThan(1e-5);
      expect(distance(expected, linearAttentionOracle(q, k, v, options))).toBeGreaterThan(1e-2);
      const dy = seededNormal(v.shape, 4);
      const gradients = linearAttentionGradientOracle(q, k, v, dy, { ...options, rope });
      const run = (...at: tf.Tensor[]) => linearAttention(at[0]!, at[1]!, at[2]!, { ...options, rope });
      const found = tf.grads(run)(
        [q, k, v].map((a) => fromNdArray(a)),
        fromNdArray(dy),
      );
      for (const [n, expectedGradient] of [gradients.q, gradients.k, gradients.v].entries()) {
        expect(distance(await toNdArray(found[n]!), expectedGradient)).toBeLessThan(1e-4);
      }
    });

    it('takes features far apart and keeps NaN where it is seen', async () => {
      const q = ndarray([1, 1, 2, 2], [1e15, -50, -3, 2]);
      const k = ndarray([1, 1, 2, 2], [-40, 1e10, 0.5, -1]);
      const v = ndarray([1, 1, 2, 2], [1, 2, 3, 4]);
      const out = linearAttention(fromNdArray(q), fromNdArray(k), fromNdArray(v), options);
      expect(distance(await toNdArray(out), linearAttentionOracle(q, k, v, options))).toBeLessThan(1e-4);
      const broken = tf.tensor4d([1, Number.NaN], [1, 1, 2, 1]);
      const y = await read(linearAttention(broken, tf.ones([1, 1, 2, 1]), tf.ones([1, 1, 2, 1]), options));
      expect(y[0]).toBe(1);
      expect(y[1]).toBeNaN();
    });

    it('takes empty tensors', () => {
      for (const shape of [
        [0, 2, 3, 4],
        [1, 2, 0, 4],
      ]) {
        const x = tf.zeros(shape);
        const run = (a: tf.Tensor) => linearAttention(a, x, x, options);
        expect(run(x).shape).toEqual(shape);
        expect(tf.grad(run)(x, x).shape).toEqual(shape);
      }
    });

    it('leaves no tensors behind', () => {
      const x = tf.ones([1, 2, 3, 4]);
      expect(leaked(() => linearAttention(x, x, x, options))).toBe(0);
      expect(leaked(() => tf.grads((a, b, c) => linearAttention(a!, b!, c!, options))([x, x, x], x))).toBe(0);
    });
  });

  it(`sees no later token on ${name}`, async () => {
    const { q, k, v } = inputs(1, 1, 5, 4);
    const first = async (form: 'parallel' | 'recurrent', last: number) => {
      const changed = ndarray(
        v.shape,
        v.data.map((value, n) => (n >= 16 ? value + last : value)),
      );
      const y = linearAttention(fromNdArray(q), fromNdArray(k), fromNdArray(changed), { form });
      return Array.from((await read(y)).slice(0, 16));
    };
    expect(await first('parallel', 0)).toEqual(await first('parallel', 100));
    expect(await first('recurrent', 0)).toEqual(await first('recurrent', 100));
  });
});

describe('linearAttention errors', () => {
  it('print the shapes', () => {
    const x = tf.ones([1, 2, 3, 4]);
    expect(() => linearAttention(x, tf.ones([1, 2, 5, 4]), x)).toThrow(
      /linearAttention: .* q \[1,2,3,4\], k \[1,2,5,4\], v \[1,2,3,4\]/,
    );
    expect(() => linearAttention(tf.ones([2, 3]), x, x)).toThrow(
      /q must be \[B,H,T,D\] \(rank 4\), got \[2,3\]/,
    );
    expect(() => linearAttention(x, x, x, { form: 'chunked', chunk: 0 })).toThrow(/chunk must be .* got 0/);
    expect(() => linearAttention(x, x, x, { form: 'serial' as 'parallel' })).toThrow(
      /form must be .* got "serial"/,
    );
  });
});
