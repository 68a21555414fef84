/** Scaled frequencies (the golden cases hold the reference's), their way through `rope`, and axial RoPE. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { launchedKernels } from '../../../src/compute/launch.js';
import { ndarray } from '../../../src/compute/ndarray.js';
import { seededNormal } from '../../../src/compute/random.js';
import { fromNdArray, read, toNdArray } from '../../../src/compute/read.js';
import { tf } from '../../../src/compute/tf.js';
import { attentionOracle } from '../../../src/layers/attention/attention-oracle.js';
import { multiHeadAttention } from '../../../src/layers/attention/multi-head-attention.js';
import { rope, ropeGradientOracle, ropeOracle } from '../../../src/layers/position/rope.js';
import { rope2d, rope2dGradientOracle, rope2dOracle } from '../../../src/layers/position/rope-2d.js';
import { type RopeConfig, scaledRopeFrequencies } from '../../../src/layers/position/rope-scaling.js';
import { ropeFrequencies } from '../../../src/layers/position/rope-table.js';
import { eachBackend } from '../../compute/backends.js';
import { differences, distance, leaked } from '../../support/numeric.js';

const yarn: RopeConfig = {
  head_dim: 16,
  max_position_embeddings: 2048,
  rope_parameters: { rope_type: 'yarn', factor: 8, original_max_position_embeddings: 256 },
};

describe('scaledRopeFrequencies', () => {
  const plain = ropeFrequencies(16, 10_000);

  it('without scaling are those of the base, however the config says it', () => {
    expect(scaledRopeFrequencies({ head_dim: 16 }).inverseFrequencies).toEqual(plain);
    const old = { hidden_size: 64, num_attention_heads: 4, rope_theta: 500_000, rope_scaling: null };
    expect(scaledRopeFrequencies(old).inverseFrequencies).toEqual(ropeFrequencies(16, 500_000));
    const legacy = { head_dim: 16, rope_scaling: { type: 'linear', factor: 4 } };
    expect(scaledRopeFrequencies(legacy).inverseFrequencies).toEqual(plain.map((theta) => theta / 4));
  });

  it('of YaRN blend up to the last dimension where even the slowest pair turns often', () => {
    const given = { rope_type: 'yarn', factor: 4, original_max_position_embeddings: 2 ** 14, beta_fast: 400 };
    const config = { head_dim: 8, rope_theta: 50, rope_parameters: given };
    const { inverseFrequencies } = scaledRopeFrequencies(config);
    // 8 ln(L / 2 pi 400) / 2 ln 50 = 1.9 and 8 ln(L / 2 pi) / 2 ln 50 = 8.04: from 1 to 7, so pair 3 is divided by a third.
    expect(inverseFrequencies[3]! / 50 ** (-6 / 8)).toBeCloseTo(1 / 4 / 3 + 2 / 3, 14);
  });

  it('of YaRN keep fast pairs, divide slow ones, and lengthen the vectors', () => {
    const { inverseFrequencies, attentionFactor } = scaledRopeFrequencies(yarn);
    const ratio = plain.map((theta, i) => inverseFrequencies[i]! / theta);
    expect(ratio[0]).toBe(1);
    expect(ratio[7]).toBeCloseTo(1 / 8, 14);
    expect(ratio.every((r, i) => i === 0 || r <= ratio[i - 1]!)).toBe(true);
    expect(attentionFactor).toBeCloseTo(0.1 * Math.log(8) + 1, 14);
    // The ratio of the lengths stands in for a factor that is not given.
    const implied = { ...yarn, rope_parameters: { ...yarn.rope_parameters, factor: undefined } };
    expect(scaledRopeFrequencies(implied)).toEqual(scaledRopeFrequencies(yarn));
    const own = (more: object) =>
      scaledRopeFrequencies({ ...yarn, rope_parameters: { ...yarn.rope_parameters, ...more } });
    expect(own({ attention_factor: 1.5 }).attentionFactor).toBe(1.5);
    expect(own({ mscale: 1, mscale_all_dim: 1 }).attentionFactor).toBe(1);
    expect(own({ truncate: false }).inverseFrequencies).not.toEqual(inverseFrequencies);
  });

  it('of Llama 3 depend on the wavelength alone', () => {
    const parameters = {
      rope_type: 'llama3',
      factor: 8,
      low_freq_factor: 1,
      high_freq_factor: 4,
      original_max_position_embeddings: 8192,
    };
    const base = ropeFrequencies(128, 500_000);
    const { inverseFrequencies } = scaledRopeFrequencies({
      head_dim: 128,
      rope_theta: 500_000,
      rope_parameters: parameters,
    });
    base.forEach((theta, i) => {
      const wavelength = (2 * Math.PI) / theta;
      const ratio = inverseFrequencies[i]! / theta;
      if (wavelength < 8192 / 4) expect(ratio).toBe(1);
      else if (wavelength > 8192) expect(ratio).toBeCloseTo(1 / 8, 14);
      else expect(ratio > 1 / 8 && ratio < 1).toBe(true);
    });
  });

  it('of dynamic NTK leave short sequences alone', () => {
    const config = {
      head_dim: 16,
      max_position_embeddings: 256,
      rope_scaling: { rope_type: 'dynamic', factor: 4 },
    };
    expect(scaledRopeFrequencies(config, 100).inverseFrequencies).toEqual(plain);
    const long = scaledRopeFrequencies(config, 1024).inverseFrequencies;
    // Base 10000 * 13^(16/14): the slowest pair turns 13 times slower.
    expect(plain[7]! / long[7]!).toBeCloseTo(13, 10);
    expect(long[0]).toBe(1);
  });

  it('refuse what they do not know or lack', () => {
    const given = (rope_parameters: object) => () => scaledRopeFrequencies({ head_dim: 16, rope_parameters });
    expect(given({ rope_type: 'longrope' })).toThrow(/rope_type must be default, .* got "longrope"/);
    expect(given({ rope_type: 'linear' })).toThrow(/rope_type linear needs a positive factor, got undefined/);
    expect(given({ rope_type: 'dynamic', factor: 2 })).toThrow(
      /needs max_position_embeddings, got undefined/,
    );
    expect(given({ rope_type: 'yarn', factor: 2 })).toThrow(
      /yarn needs a positive original_max_position_embeddings/,
    );
    expect(() => scaledRopeFrequencies({})).toThrow(/needs head_dim, .* got D = NaN/);
  });
});

eachBackend((name) => {
  beforeEach(() => tf.engine().startScope());
  afterEach(() => tf.engine().endScope());

  it('rope rotates by given frequencies and stretches by the attention factor', async () => {
    const options = { layout: 'half', ...scaledRopeFrequencies(yarn) } as const;
    const [x, dy] = [seededNormal([2, 3, 5, 16], 1), seededNormal([2, 3, 5, 16], 2)];
    const positions = [0, 7, 300, 2000, 2047.5];
    const expected = ropeOracle(x, positions, options);
    for (const path of name === 'webgpu' ? (['fused', 'composed'] as const) : (['composed'] as const)) {
      const run = (at: tf.Tensor) => rope(at, positions, { ...options, path });
      expect(distance(await toNdArray(run(fromNdArray(x))), expected)).toBeLessThan(2e-6);
      const dx = await toNdArray(tf.grad(run)(fromNdArray(x), fromNdArray(dy)));
      expect(distance(dx, ropeGradientOracle(dy, positions, options))).toBeLessThan(2e-6);
    }
    const plain = { layout: 'half', inverseFrequencies: ropeFrequencies(16) } as const;
    const [given, base] = [
      rope(fromNdArray(x), positions, plain),
      rope(fromNdArray(x), positions, { layout: 'half' }),
    ];
    expect(Array.from(await read(given))).toEqual(Array.from(await read(base)));
    expect(distance(expected, ropeOracle(x, positions, plain))).toBeGreaterThan(0.1);
  });

  it('multi-head attention takes them too', async () => {
    const x = seededNormal([1, 4, 16], 1);
    const eye = tf.eye(16);
    const options = { layout: 'half', ...scaledRopeFrequencies(yarn) } as const;
    const weights = { wq: eye, wk: eye, wv: eye, wo: eye };
    const out = multiHeadAttention(fromNdArray(x), weights, { heads: 1, causal: true, rope: options });
    const head = ndarray([1, 1, 4, 16], x.data);
    const turned = ropeOracle(head, [0, 1, 2, 3], options);
    const expected = attentionOracle(turned, turned, head, { causal: true });
    expect(distance(await toNdArray(out), ndarray([1, 4, 16], expected.data))).toBeLessThan(1e-5);
  });

  it('rope2d rotates one half by rows and the other by columns', async () => {
    const [rows, columns] = [
      [0, 0, 1, 2.5, 7],
      [0, 3, 1, 0, 40],
    ];
    for (const layout of ['half', 'interleaved'] as const) {
      const [x, dy] = [seededNormal([2, 2, 5, 8], 1), seededNormal([2, 2, 5, 8], 2)];
      const run = (at: tf.Tensor) => rope2d(at, rows, columns, { layout });
      expect(
        distance(await toNdArray(run(fromNdArray(x))), rope2dOracle(x, rows, columns, { layout })),
      ).toBeLessThan(1e-6);
      const dx = await toNdArray(tf.grad(run)(fromNdArray(x), fromNdArray(dy)));
      expect(distance(dx, rope2dGradientOracle(dy, rows, columns, { layout }))).toBeLessThan(1e-6);
    }
    expect(rope2d(tf.zeros([0, 5, 8]), rows, columns).shape).toEqual([0, 5, 8]);
    const x = tf.ones([5, 8]);
    expect(leaked(() => rope2d(x, rows, columns))).toBe(0);
  });

  if (name === 'webgpu') {
    it('runs through the fused kernel', async () => {
      const launched = launchedKernels();
      launched.reset();
      await read(rope2d(tf.ones([5, 8]), [0, 1, 2, 3, 4], [0, 1, 2, 3, 4]));
      expect(launched.list()).toEqual(['rope.interleaved']);
      launched.reset();
      await read(rope(tf.ones([2, 16]), [0, 1], { layout: 'half', ...scaledRopeFrequencies(yarn) }));
      expect(launched.list()).toEqual(['rope.half']);
    });
  }
});

describe('rope2d', () => {
  it('scores depend on both offsets and on nothing else', () => {
    const [q, k] = [seededNormal([1, 8], 1), seededNormal([1, 8], 2)];
    const score = (row: number, column: number, row2: number, column2: number) => {
      const [a, b] = [rope2dOracle(q, [row], [column]), rope2dOracle(k, [row2], [column2])];
      return a.data.reduce((sum, value, d) => sum + value * b.data[d]!, 0);
    };
    expect(score(1, 2, 4, 7)).toBeCloseTo(score(11, 5, 14, 10), 12);
    expect(Math.abs(score(1, 2, 4, 7) - score(1, 2, 4, 8))).toBeGreaterThan(1e-3);
    expect(Math.abs(score(1, 2, 4, 7) - score(1, 2, 7, 4))).toBeGreaterThan(1e-3);
  });

  it('has the gradient of its own forward pass', () => {
    const [x, dy] = [seededNormal([3, 8], 1), seededNormal([3, 8], 2)];
    const [rows, columns] = [
      [0, 1, 2],
      [5, 0, 3],
    ];
    const expected = differences((at) => rope2dOracle(at, rows, columns), x, dy);
    expect(distance(rope2dGradientOracle(dy, rows, columns), expected)).toBeLessThan(1e-8);
  });

  it('and rope refuse what does not fit', () => {
    expect(() => rope2d(tf.ones([5, 6]), [], [])).toThrow(
      /rope2d: x must be .* multiple of 4 .* got \[5,6\]/,
    );
    const x = tf.ones([1, 8]);
    expect(() => rope(x, [0], { inverseFrequencies: [1, 2] })).toThrow(
      /inverseFrequencies must be D\/2 = 4 .* got 2/,
    );
    expect(() => rope(x, [0], { base: 10, inverseFrequencies: [1, 2, 3, 4] })).toThrow(/either base or/);
    expect(() => rope(x, [0], { attentionFactor: Number.NaN })).toThrow(/attentionFactor must be .* got NaN/);
  });
});
