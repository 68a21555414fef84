import { describe, expect, it } from 'vitest';
import { type NdArray, ndarray } from '../../../src/compute/ndarray.js';
import { seededNormal } from '../../../src/compute/random.js';
import { fromNdArray } from '../../../src/compute/read.js';
import { tf } from '../../../src/compute/tf.js';
import { mixtureOfExperts } from '../../../src/layers/moe/mixture-of-experts.js';
import {
  type ExpertArrays,
  mixtureOfExpertsGradientOracle,
  mixtureOfExpertsOracle,
} from '../../../src/layers/moe/mixture-of-experts-oracle.js';
import { mixtureOfExpertsErrors } from '../../../src/workbench/golden/bounds/mixture-of-experts.js';
import { eachBackend } from '../../compute/backends.js';
import { differences, distance, expectWithin, leaked } from '../../support/numeric.js';

function setup(N: number, C: number, F: number, E: number, size = 1) {
  const expert = (e: number) => ({
    wGate: seededNormal([F, C], 10 * e + 1),
    wUp: seededNormal([F, C], 10 * e + 2),
    wDown: seededNormal([C, F], 10 * e + 3),
  });
  return {
    x: seededNormal([N, C], 991, size),
    weights: {
      router: seededNormal([E, C], 992),
      experts: Array.from({ length: E }, (_, e) => expert(e)),
    },
    d: { out: seededNormal([N, C], 993), switchLoss: 0.7, zLoss: -0.3 },
  };
}

const names = ['wGate', 'wUp', 'wDown'] as const;

function tensors({ router, experts }: ExpertArrays) {
  return {
    router: fromNdArray(router),
    experts: experts.map(({ wGate, wUp, wDown }) => ({
      wGate: fromNdArray(wGate),
      wUp: fromNdArray(wUp),
      wDown: fromNdArray(wDown),
    })),
  };
}

eachBackend(() => {
  describe('mixtureOfExperts', () => {
    it.each([
      { N: 5, C: 8, F: 6, E: 4, topK: 2, renormalise: true },
      { N: 3, C: 5, F: 7, E: 3, topK: 1, renormalise: false },
      { N: 3, C: 4, F: 3, E: 3, topK: 3, renormalise: true },
      { N: 1, C: 1, F: 1, E: 1, topK: 1, renormalise: true },
    ])('results and gradients are the oracle within the bounds: %o', async ({ N, C, F, E, ...options }) => {
      const { x, weights, d } = setup(N, C, F, E);
      const bounds = mixtureOfExpertsErrors(x, weights, options, d);
      const results = mixtureOfExpertsOracle(x, weights, options);
      const gradients = mixtureOfExpertsGradientOracle(x, weights, options, d);
      const given = tensors(weights);
      const actual = mixtureOfExperts(fromNdArray(x), given, options);
      for (const name of ['out', 'switchLoss', 'zLoss'] as const) {
        await expectWithin(name, actual[name], results[name], bounds[name]);
      }
      const flat = [fromNdArray(x), given.router, ...given.experts.flatMap((e) => names.map((n) => e[n]))];
      const found = tf.grads((...values) => {
        const [input, router, ...rest] = values as tf.Tensor[];
        const experts = weights.experts.map((_, e) => ({
          wGate: rest[3 * e]!,
          wUp: rest[3 * e + 1]!,
          wDown: rest[3 * e + 2]!,
        }));
        const { out, switchLoss, zLoss } = mixtureOfExperts(input!, { router: router!, experts }, options);
        const weighted = tf.sum(tf.mul(out, fromNdArray(d.out)));
        return tf.addN([weighted, tf.mul(switchLoss, d.switchLoss), tf.mul(zLoss, d.zLoss)]);
      })(flat);
      await expectWithin('gradient of x', found[0]!, gradients.x, bounds.gradients!.x);
      await expectWithin('gradient of router', found[1]!, gradients.router, bounds.gradients!.router);
      for (let e = 0; e < E; e++) {
        for (const [n, name] of names.entries()) {
          await expectWithin(
            `gradient of ${name} of expert ${e}`,
            found[2 + 3 * e + n]!,
            gradients.experts[e]![name],
            bounds.gradients!.experts[e]![name],
          );
        }
      }
    });

    it('has no tokens without trouble, and leaves nothing behind', async () => {
      const { x, weights } = setup(2, 4, 3, 3);
      const given = tensors(weights);
      const input = fromNdArray(x);
      expect(leaked(() => ({ ...mixtureOfExperts(input, given, { topK: 2 }) }))).toBe(0);
      const huge = fromNdArray(setup(2, 4, 3, 3, 1e4).x);
      const { switchLoss } = mixtureOfExperts(huge, given, { topK: 2 });
      expect(Number.isFinite((await switchLoss.data())[0])).toBe(true);
      const nan = mixtureOfExperts(tf.fill([1, 4], Number.NaN), given, { topK: 2 });
      expect([...(await nan.out.data())].every(Number.isNaN)).toBe(true);
    });
  });
});

describe('the oracle of mixtures of experts', () => {
  it('has the gradients of its results', () => {
    const { x, weights, d } = setup(4, 3, 4, 3);
    for (const options of [
      { topK: 2, renormalise: true },
      { topK: 2, renormalise: false },
    ]) {
      const objective = (at: NdArray, w: ExpertArrays) => {
        const { out, switchLoss, zLoss } = mixtureOfExpertsOracle(at, w, options);
        const weighted = out.data.reduce((sum, value, n) => sum + value * d.out.data[n]!, 0);
        return ndarray([1], [weighted + d.switchLoss * switchLoss.data[0]! + d.zLoss * zLoss.data[0]!]);
      };
      const one = ndarray([1], [1]);
      const gradients = mixtureOfExpertsGradientOracle(x, weights, options, d);
      const ofX = differences((at) => objective(at, weights), x, one);
      expect(distance(gradients.x, ofX)).toBeLessThan(1e-6);
      const ofRouter = differences((router) => objective(x, { ...weights, router }), weights.router, one);
      expect(distance(gradients.router, ofRouter)).toBeLessThan(1e-6);
      const [first, ...others] = weights.experts;
      const ofDown = differences(
        (wDown) => objective(x, { ...weights, experts: [{ ...first!, wDown }, ...others] }),
        first!.wDown,
        one,
      );
      expect(distance(gradients.experts[0]!.wDown, ofDown)).toBeLessThan(1e-6);
    }
  });

  it('gives one token to one expert when nothing is blended: the expert itself', () => {
    const { x, weights } = setup(3, 4, 5, 1);
    const { out, switchLoss } = mixtureOfExpertsOracle(x, weights, { topK: 1 });
    const doubled = { ...weights, router: seededNormal([1, 4], 5) };
    expect(distance(out, mixtureOfExpertsOracle(x, doubled, { topK: 1 }).out)).toBe(0);
    expect(switchLoss.data[0]).toBeCloseTo(1, 12);
  });
});

describe('mixtureOfExperts', () => {
  it('says what does not fit', () => {
    const { x, weights } = setup(2, 4, 3, 3);
    const given = tensors(weights);
    const input = fromNdArray(x);
    expect(() => mixtureOfExperts(input, given, { topK: 4 })).toThrow(
      /topK must be an integer from 1 to E = 3, got 4/,
    );
    expect(() => mixtureOfExperts(tf.zeros([2, 5]), given, { topK: 1 })).toThrow(
      /router must be \[E,C\] = \[3,5\] for 3 experts and x \[2,5\], got \[3,4\]/,
    );
    expect(() => mixtureOfExperts(input.toInt(), given, { topK: 1 })).toThrow(/x must be float32, got int32/);
  });
});
