/** What is counted rather than measured: parameters, FLOPs, utilisation, intensity, and the noise of gradients. */
import { describe, expect, it } from 'vitest';
import { seededNormal } from '../../../src/compute/random.js';
import {
  forwardFlopsPerToken,
  hardwareFlopsPerToken,
  trainingFlopsPerToken,
} from '../../../src/training/metrics/flops.js';
import { type ModelShape, namedModel } from '../../../src/training/metrics/model-shape.js';
import { gradientNoiseScale } from '../../../src/training/metrics/noise-scale.js';
import {
  activeParameters,
  countParameters,
  layerParameters,
  matmulParameters,
} from '../../../src/training/metrics/parameters.js';
import {
  flopsUtilization,
  matmulIntensity,
  ridgeIntensity,
} from '../../../src/training/metrics/utilization.js';

const llama: ModelShape = { kind: 'llama', layers: 3, V: 50, C: 12, F: 20, H: 4, K: 2, D: 5, tied: false };
const gpt: ModelShape = { ...llama, kind: 'gpt', K: 4, tied: true, positions: 9 };
const mixture: ModelShape = { ...llama, experts: { E: 6, topK: 2 } };

/** Every matrix product of a forward pass of T tokens, [rows, inner, columns]. */
function products(shape: ModelShape, T: number, keys: (query: number) => number): [number, number, number][] {
  const { layers, V, C, F, H, K, D, kind, experts } = shape;
  const list: [number, number, number][] = [];
  for (let layer = 0; layer < layers; layer++) {
    list.push([T, C, H * D], [T, C, K * D], [T, C, K * D], [T, H * D, C]);
    for (let head = 0; head < H; head++) {
      for (let query = 0; query < T; query++) list.push([1, D, keys(query)], [1, keys(query), D]);
    }
    if (experts) list.push([T, C, experts.E]);
    for (let pass = 0; pass < (experts?.topK ?? 1); pass++) {
      list.push([T, C, F], [T, F, C]);
      if (kind === 'llama') list.push([T, C, F]);
    }
  }
  return [...list, [T, C, V]];
}

const flopsOf = (list: [number, number, number][]) => list.reduce((sum, [m, k, n]) => sum + 2 * m * k * n, 0);

describe('parameters', () => {
  it('are those of published models', () => {
    expect(countParameters(namedModel('llama-2-7b'))).toBe(6_738_415_616);
    expect(countParameters(namedModel('llama-3-8b'))).toBe(8_030_261_248);
    expect(countParameters(namedModel('mixtral-8x7b'))).toBe(46_702_792_704);
    expect(activeParameters(namedModel('mixtral-8x7b'))).toBe(12_879_925_248);
    // Without the embedding, which is looked up, and 65 norms.
    expect(matmulParameters(namedModel('llama-3-8b'))).toBe(8_030_261_248 - 128_256 * 4096 - 65 * 4096);
  });

  it('of a layer are told apart as a layout divides them', () => {
    const attention = 2 * 12 * 20 + 2 * 12 * 10;
    expect(layerParameters(llama)).toEqual({
      divided: attention + 3 * 12 * 20,
      replicated: 24,
      keyValue: 240,
      experts: 0,
    });
    expect(layerParameters(mixture)).toEqual({
      divided: attention + 6 * 720,
      replicated: 24 + 72,
      keyValue: 240,
      experts: 6 * 720,
    });
    // Weights and biases: q, k, v of 12 x 20 + 20, their output of 20 x 12 + 12, 12 x 20 + 20 and 20 x 12 + 12; two norms.
    const total = 3 * 260 + 252 + 260 + 252 + 48;
    const { divided, replicated, keyValue } = layerParameters(gpt);
    expect([divided + replicated, keyValue]).toEqual([total, 2 * 260]);
    expect(countParameters(gpt)).toBe(3 * total + 50 * 12 + 9 * 12 + 24);
    expect(countParameters(mixture) - activeParameters(mixture)).toBeCloseTo(3 * 4 * 720, 6);
    expect(activeParameters(llama)).toBe(countParameters(llama));
  });
});

describe('FLOPs per token', () => {
  it.each([
    ['llama', llama],
    ['gpt', gpt],
    ['experts', mixture],
  ])('are those of all matrix products: %s', (_name, shape) => {
    const T = 7;
    const full = forwardFlopsPerToken(shape, { sequence: T });
    expect(T * full.total).toBeCloseTo(flopsOf(products(shape, T, () => T)), 6);
    const causal = forwardFlopsPerToken(shape, { sequence: T, attention: 'causal' });
    expect(T * causal.total).toBeCloseTo(flopsOf(products(shape, T, (query) => query + 1)), 6);
    const narrow = forwardFlopsPerToken(shape, { sequence: T, attention: 'causal', window: 3 });
    expect(T * narrow.total).toBeCloseTo(flopsOf(products(shape, T, (query) => Math.min(3, query + 1))), 6);
    const wide = forwardFlopsPerToken(shape, { sequence: T, attention: 'causal', window: 100 });
    expect(wide.total).toBeCloseTo(causal.total, 6);
  });

  it('are 6 N + 12 layers H D T in training, as PaLM counts', () => {
    const { parameters, attention, total } = trainingFlopsPerToken(llama, { sequence: 8 });
    expect(parameters).toBe(6 * matmulParameters(llama));
    expect(attention).toBe(12 * 3 * 4 * 5 * 8);
    expect(total).toBe(parameters + attention);
  });

  it('are a third more with full recomputation, and only attention more with selective', () => {
    const options = { sequence: 8 } as const;
    const training = trainingFlopsPerToken(llama, options);
    const forward = forwardFlopsPerToken(llama, options);
    const hardware = (recompute: 'none' | 'selective' | 'full') =>
      hardwareFlopsPerToken(llama, { ...options, recompute });
    expect(hardware('none')).toEqual(training);
    expect(hardware('full').total).toBe(training.total + forward.total);
    expect(hardware('full').total / training.total).toBeCloseTo(4 / 3, 12);
    expect(hardware('selective').total).toBe(training.total + forward.attention);
    expect(hardware('selective').attention).toBe(training.attention + forward.attention);
  });

  it('refuse a sequence of nothing', () => {
    expect(() => forwardFlopsPerToken(llama, { sequence: 0 })).toThrow(/sequence must be .* got 0/);
    expect(() => forwardFlopsPerToken(llama, { sequence: 4, window: 0 })).toThrow(/window must be .* got 0/);
  });
});

describe('utilisation', () => {
  it("is PaLM's 46.2 % for its numbers", () => {
    // 540.35 B parameters, 118 layers of 48 heads of 256, 2048 tokens; 6144 chips of 275 TFLOP/s.
    const perToken = 6 * 540.35e9 + 12 * 118 * 48 * 256 * 2048;
    const mfu = flopsUtilization(perToken, { tokensPerSecond: 238.3e3, peakFlopsPerSecond: 6144 * 275e12 });
    expect(mfu).toBeCloseTo(0.462, 3);
    expect(() => flopsUtilization(1, { tokensPerSecond: 1, peakFlopsPerSecond: 0 })).toThrow(/got 0/);
    expect(() => flopsUtilization(-1, { tokensPerSecond: 1, peakFlopsPerSecond: 1 })).toThrow(
      /flopsPerToken must be a number >= 0, got -1/,
    );
  });

  it('of one row is bound by memory, of many by arithmetic', () => {
    expect(matmulIntensity({ M: 3, K: 4, N: 5, bytes: 4 })).toBeCloseTo(120 / (4 * (12 + 20 + 15)), 12);
    expect(matmulIntensity({ M: 1, K: 4096, N: 4096 })).toBeCloseTo(1, 3);
    const h100 = ridgeIntensity(989e12, 3350e9);
    expect(h100).toBeCloseTo(295.2, 1);
    expect(matmulIntensity({ M: 4096, K: 4096, N: 4096 })).toBeGreaterThan(h100);
    expect(() => matmulIntensity({ M: 0, K: 1, N: 1 })).toThrow(/M must be a number > 0, got 0/);
    expect(() => ridgeIntensity(1, -1)).toThrow(/bytesPerSecond must be .* got -1/);
  });
});

describe('the gradient noise scale', () => {
  it('is found again in gradients of known signal and noise', () => {
    // G has 50 numbers of 0.5, examples a standard deviation of 2 in each: |G|^2 = 12.5, S = 200.
    const [dims, steps, small, large] = [50, 400, 4, 32];
    const squared = (batch: number, seed: number) => {
      const noise = seededNormal([steps, dims], seed, 2 / Math.sqrt(batch));
      return Array.from({ length: steps }, (_, s) =>
        noise.data.subarray(s * dims, (s + 1) * dims).reduce((sum, x) => sum + (0.5 + x) ** 2, 0),
      );
    };
    const found = gradientNoiseScale(
      { batch: small, squaredNorms: squared(small, 1) },
      { batch: large, squaredNorms: squared(large, 2) },
    );
    expect(found.signal / 12.5).toBeCloseTo(1, 1);
    expect(found.noise / 200).toBeCloseTo(1, 1);
    expect(found.scale).toBeCloseTo(found.noise / found.signal, 10);
  });

  it('solves the two equations', () => {
    // |G|^2 + S/2 = 7 and |G|^2 + S/8 = 4.
    const exact = gradientNoiseScale({ batch: 2, squaredNorms: [6, 8] }, { batch: 8, squaredNorms: [4] });
    expect(exact).toEqual({ signal: 3, noise: 8, scale: 8 / 3 });
    const weak = gradientNoiseScale({ batch: 1, squaredNorms: [1.25] }, { batch: 2, squaredNorms: [1] });
    expect(weak).toEqual({ signal: 0.75, noise: 0.5, scale: 2 / 3 });
    const lost = gradientNoiseScale({ batch: 1, squaredNorms: [10] }, { batch: 2, squaredNorms: [5] });
    expect([lost.signal, lost.noise, lost.scale]).toEqual([0, 10, Number.NaN]);
    expect(() =>
      gradientNoiseScale({ batch: 2, squaredNorms: [1] }, { batch: 2, squaredNorms: [1] }),
    ).toThrow(/a small and a larger batch, got 2 and 2/);
    expect(() =>
      gradientNoiseScale({ batch: 0, squaredNorms: [1] }, { batch: 2, squaredNorms: [1] }),
    ).toThrow(/got 0 and 2/);
    expect(() => gradientNoiseScale({ batch: 1, squaredNorms: [] }, { batch: 2, squaredNorms: [1] })).toThrow(
      /at least one step/,
    );
  });
});
