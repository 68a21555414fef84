import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ndarray } from '../../../src/compute/ndarray.js';
import { seededNormal } from '../../../src/compute/random.js';
import { fromNdArray, read, toNdArray } from '../../../src/compute/read.js';
import { tf } from '../../../src/compute/tf.js';
import {
  poolHeads,
  poolHeadsGradientOracle,
  poolHeadsOracle,
} from '../../../src/layers/attention/pool-heads.js';
import { eachBackend } from '../../compute/backends.js';
import { distance, expectOracleGradient, leaked } from '../../support/numeric.js';

describe('the oracle', () => {
  it('averages neighbouring heads', () => {
    const weight = ndarray([4, 1], [1, 3, 10, 20]); // H = 4, D = C = 1
    expect(Array.from(poolHeadsOracle(weight, 4, 2).data)).toEqual([2, 15]);
    expect(Array.from(poolHeadsOracle(weight, 2, 1).data)).toEqual([5.5, 11.5]); // D = 2
  });

  it('has the gradient of its own forward pass', () => {
    const [weight, dy] = [seededNormal([12, 3], 1), seededNormal([4, 3], 2)];
    const gradients = { weight: poolHeadsGradientOracle(dy, 6, 2) };
    expectOracleGradient((at) => poolHeadsOracle(at.weight, 6, 2), { weight }, dy, gradients);
  });
});

eachBackend(() => {
  beforeEach(() => tf.engine().startScope());
  afterEach(() => tf.engine().endScope());

  it.each([
    [4, 2, 3, 5],
    [8, 1, 2, 7],
    [3, 3, 4, 4],
    [1, 1, 1, 1],
    [4, 2, 3, 0],
  ])('matches the oracle, values and gradient, for H, K, D, C = %i, %i, %i, %i', async (H, K, D, C) => {
    const [weight, dy] = [seededNormal([H * D, C], 3), seededNormal([K * D, C], 4)];
    const pooled = await toNdArray(poolHeads(fromNdArray(weight), H, K));
    expect(distance(pooled, poolHeadsOracle(weight, H, K))).toBeLessThan(1e-5);
    const gradient = tf.grad((w) => poolHeads(w, H, K))(fromNdArray(weight), fromNdArray(dy));
    expect(distance(await toNdArray(gradient), poolHeadsGradientOracle(dy, H, K))).toBeLessThan(1e-5);
  });

  it('keeps NaN and infinity to their group, and leaves nothing behind', async () => {
    const weight = tf.tensor2d([Number.NaN, 1, 2, Number.POSITIVE_INFINITY, 3, 5], [6, 1]);
    const [a, b, c] = await read(poolHeads(weight, 6, 3));
    expect([a, b, c]).toEqual([Number.NaN, Number.POSITIVE_INFINITY, 4]);
    expect(leaked(() => poolHeads(weight, 6, 3))).toBe(0);
  });
});

describe('errors', () => {
  it('name what does not divide', () => {
    const weight = tf.ones([6, 2]);
    expect(() => poolHeads(weight, 4, 2)).toThrow(/rows of weight \[6,2\] do not divide into 4 heads/);
    expect(() => poolHeads(weight, 6, 4)).toThrow(/heads \(6\) must be a multiple of kvHeads \(4\)/);
    expect(() => poolHeads(weight, 6, 0)).toThrow(/kvHeads must be a positive integer/);
    expect(() => poolHeads(tf.ones([6]), 6, 1)).toThrow(/weight must be \[H D,C\]/);
    expect(() => poolHeads(weight.toInt(), 6, 1)).toThrow(TypeError);
  });
});
