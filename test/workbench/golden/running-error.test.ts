import { describe, expect, it } from 'vitest';
import { type NdArray, ndarray } from '../../../src/compute/ndarray.js';
import { seededNormal } from '../../../src/compute/random.js';
import { attentionGradientOracle, attentionOracle } from '../../../src/layers/attention/attention-oracle.js';
import { rmsNormGradientOracle, rmsNormOracle } from '../../../src/layers/norm/rms-norm.js';
import { ropeOracle } from '../../../src/layers/position/rope.js';
import { attentionErrors } from '../../../src/workbench/golden/bounds/attention.js';
import { rmsNormErrors } from '../../../src/workbench/golden/bounds/rms-norm.js';
import { ropeErrors } from '../../../src/workbench/golden/bounds/rope.js';
import {
  exact,
  inverseSqrt,
  matmul,
  multiply,
  sumLast,
} from '../../../src/workbench/golden/running-error.js';
import { distance } from '../../support/numeric.js';

const f = Math.fround;
const within = (actual: number, { value, error }: { value: NdArray; error: NdArray }, n = 0) =>
  Math.abs(actual - value.data[n]!) <= error.data[n]!;

describe('running error analysis', () => {
  it('bounds what float32 really does', () => {
    const [a, b] = [seededNormal([40], 1), seededNormal([40], 2)];
    const products = multiply(exact(a), exact(b));
    let sum = 0;
    a.data.forEach((x, n) => {
      const product = f(x * b.data[n]!);
      expect(within(product, products, n)).toBe(true);
      sum = f(sum + product);
    });
    expect(within(sum, sumLast(products))).toBe(true);
    const dot = matmul(exact(ndarray([1, 40], a.data)), exact(ndarray([40, 1], b.data)));
    expect(within(sum, dot)).toBe(true);
    const root = inverseSqrt(exact(ndarray([1], [3])));
    expect(within(f(1 / f(Math.sqrt(3))), root)).toBe(true);
  });

  it('is tight enough to notice an error of a few units in the last place', () => {
    const product = multiply(exact(ndarray([1], [1.5])), exact(ndarray([1], [1.25])));
    expect(within(1.5 * 1.25 * (1 + 2 ** -22), product)).toBe(false);
  });

  it('computes the values of the oracles, by other code', () => {
    const [x, gain, dy] = [seededNormal([3, 8], 1), seededNormal([8], 2), seededNormal([3, 8], 3)];
    const norm = rmsNormErrors(x, gain, dy, 1e-5);
    expect(distance(norm.out.value, rmsNormOracle(x, gain, 1e-5))).toBeLessThan(1e-14);
    expect(distance(norm.x!.value, rmsNormGradientOracle(x, gain, dy, 1e-5).x)).toBeLessThan(1e-14);
    expect(distance(norm.gain!.value, rmsNormGradientOracle(x, gain, dy, 1e-5).gain)).toBeLessThan(1e-14);

    const turned = ropeErrors(exact(x), [1, 2.5, 7], 'half', 10000, 1);
    expect(distance(turned.value, ropeOracle(x, [1, 2.5, 7], { layout: 'half' }))).toBeLessThan(1e-14);

    const [q, k, v] = [
      seededNormal([1, 4, 3, 2], 1),
      seededNormal([1, 2, 5, 2], 2),
      seededNormal([1, 2, 5, 2], 3),
    ];
    const dout = seededNormal([1, 4, 3, 2], 4);
    const rule = { causal: true, alibi: true, window: 3 };
    const bounded = attentionErrors(exact(q), exact(k), exact(v), exact(dout), rule);
    const gradient = attentionGradientOracle(q, k, v, dout, rule);
    expect(distance(bounded.out.value, attentionOracle(q, k, v, rule))).toBeLessThan(1e-14);
    expect(distance(bounded.q!.value, gradient.q)).toBeLessThan(1e-14);
    expect(distance(bounded.k!.value, gradient.k)).toBeLessThan(1e-14);
    expect(distance(bounded.v!.value, gradient.v)).toBeLessThan(1e-14);
  });
});
