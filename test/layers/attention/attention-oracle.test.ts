import { describe, expect, it } from 'vitest';
import { type NdArray, ndarray } from '../../../src/compute/ndarray.js';
import { seededNormal } from '../../../src/compute/random.js';
import { alibiSlopes } from '../../../src/layers/attention/alibi-slopes.js';
import {
  type AttentionOracleOptions,
  attentionGradientOracle,
  attentionOracle,
  attentionWeightsOracle,
} from '../../../src/layers/attention/attention-oracle.js';
import { differences, distance } from '../../support/numeric.js';

const rowSums = ({ data, shape }: NdArray) => {
  const S = shape.at(-1)!;
  return Array.from({ length: data.length / S }, (_, row) =>
    data.subarray(row * S, (row + 1) * S).reduce((sum, p) => sum + p, 0),
  );
};

describe('attention oracle', () => {
  it('weighs values by the softmax of the scores', () => {
    // Scores ln 3 and 0: weights 3/4 and 1/4.
    const q = ndarray([1, 1, 1, 1], [1]);
    const k = ndarray([1, 1, 2, 1], [Math.log(3), 0]);
    const v = ndarray([1, 1, 2, 1], [4, 8]);
    expect(attentionOracle(q, k, v).data[0]).toBeCloseTo(5, 14);
  });

  it('aligns the causal rule bottom-right', () => {
    const weights = attentionWeightsOracle(seededNormal([1, 1, 2, 4], 1), seededNormal([1, 1, 5, 4], 2), {
      causal: true,
    });
    expect(Array.from(weights.data, (p) => p > 0)).toEqual(
      [
        [1, 1, 1, 1, 0],
        [1, 1, 1, 1, 1],
      ]
        .flat()
        .map(Boolean),
    );
    expect(rowSums(weights)).toEqual([expect.closeTo(1, 14), expect.closeTo(1, 14)]);
  });

  it('gives 0 to a row with nothing to attend to', () => {
    const [q, k, v] = [
      seededNormal([1, 1, 3, 2], 1),
      seededNormal([1, 1, 2, 2], 2),
      seededNormal([1, 1, 2, 2], 3),
    ];
    // T = 3, S = 2: the first query looks at keys j <= -1.
    const out = attentionOracle(q, k, v, { causal: true });
    expect(Array.from(out.data.subarray(0, 2))).toEqual([0, 0]);
    expect(out.data.subarray(2).every((value) => value !== 0)).toBe(true);
  });

  it('subtracts the ALiBi slope times the distance', () => {
    const zeros = ndarray([1, 2, 1, 1]);
    const weights = attentionWeightsOracle(zeros, ndarray([1, 2, 3, 1]), { alibi: [1, 0.5], causal: true });
    const ratio = (h: number, j: number) => weights.data[h * 3 + j]! / weights.data[h * 3 + j + 1]!;
    expect([ratio(0, 0), ratio(0, 1), ratio(1, 0)]).toEqual(
      [Math.exp(-1), Math.exp(-1), Math.exp(-0.5)].map((value) => expect.closeTo(value, 14)),
    );
  });

  it('reads key/value head floor(h K / H)', () => {
    const [q, k, v] = [
      seededNormal([1, 4, 3, 2], 1),
      seededNormal([1, 2, 3, 2], 2),
      seededNormal([1, 2, 3, 2], 3),
    ];
    const repeat = ({ data }: NdArray) =>
      ndarray(
        [1, 4, 3, 2],
        [0, 0, 1, 1].flatMap((h) => [...data.subarray(h * 6, h * 6 + 6)]),
      );
    expect(attentionOracle(q, k, v)).toEqual(attentionOracle(q, repeat(k), repeat(v)));
  });

  const rules: [string, AttentionOracleOptions][] = [
    ['nothing', {}],
    ['causal', { causal: true }],
    ['window', { causal: true, window: 2 }],
    ['alibi and scale', { alibi: true, scale: 0.3 }],
    ['a mask', { mask: ndarray([4, 5], [1, 0, 1, 1, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 0, 1, 0, 0, 1]) }],
    ['a bias', { bias: seededNormal([4, 1, 5], 9) }],
  ];
  it.each(rules)('has the gradient of its own forward pass with %s', (_name, options) => {
    const [q, k, v] = [
      seededNormal([2, 4, 4, 3], 1),
      seededNormal([2, 2, 5, 3], 2),
      seededNormal([2, 2, 5, 3], 3),
    ];
    const dy = seededNormal([2, 4, 4, 3], 4);
    const gradient = attentionGradientOracle(q, k, v, dy, options);
    expect(
      distance(
        gradient.q,
        differences((at) => attentionOracle(at, k, v, options), q, dy),
      ),
    ).toBeLessThan(1e-8);
    expect(
      distance(
        gradient.k,
        differences((at) => attentionOracle(q, at, v, options), k, dy),
      ),
    ).toBeLessThan(1e-8);
    expect(
      distance(
        gradient.v,
        differences((at) => attentionOracle(q, k, at, options), v, dy),
      ),
    ).toBeLessThan(1e-8);
  });
});

describe('alibiSlopes', () => {
  it('is geometric for a power of two', () => {
    expect(alibiSlopes(8)).toEqual(
      [1, 2, 3, 4, 5, 6, 7, 8].map((exponent) => expect.closeTo(2 ** -exponent, 15)),
    );
  });

  it('fills up with every second slope of the next power', () => {
    const exponents = [1, 2, 3, 4, 5, 6, 7, 8, 0.5, 1.5, 2.5, 3.5];
    expect(alibiSlopes(12)).toEqual(exponents.map((exponent) => expect.closeTo(2 ** -exponent, 15)));
  });

  it('refuses a head count that is none', () => {
    expect(() => alibiSlopes(2.5)).toThrow(/alibiSlopes: .* positive integer, got 2.5/);
  });
});
