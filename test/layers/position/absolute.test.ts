import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ndarray } from '../../../src/compute/ndarray.js';
import { seededNormal } from '../../../src/compute/random.js';
import { fromNdArray, read } from '../../../src/compute/read.js';
import { tf } from '../../../src/compute/tf.js';
import {
  learnedPositions,
  sinusoidalPositions,
  sinusoidalTable,
} from '../../../src/layers/position/absolute.js';
import { exact } from '../../../src/workbench/golden/running-error.js';
import { eachBackend } from '../../compute/backends.js';
import { expectWithin, leaked } from '../../support/numeric.js';

describe('sinusoidalTable', () => {
  it('alternates sine and cosine of one frequency per pair', () => {
    const { data } = sinusoidalTable([3], 4);
    [Math.sin(3), Math.cos(3), Math.sin(0.03), Math.cos(0.03)].forEach((value, c) => {
      expect(data[c]).toBeCloseTo(value, 14);
    });
    expect(sinusoidalTable([2], 3).data[2]).toBeCloseTo(Math.sin(2 / 10000 ** (2 / 3)), 14);
  });

  it('makes the dot product of two rows depend on their distance only', () => {
    const dot = (m: number, n: number) => {
      const { data } = sinusoidalTable([m, n], 16);
      return data.slice(0, 16).reduce((sum, value, c) => sum + value * data[16 + c]!, 0);
    };
    expect(dot(3, 8)).toBeCloseTo(dot(40, 45), 12);
    expect(Math.abs(dot(3, 8) - dot(3, 9))).toBeGreaterThan(0.1);
  });

  it('refuses sizes that are none', () => {
    expect(() => sinusoidalTable(2.5, 4)).toThrow(/number of positions must be .* got 2.5/);
    expect(() => sinusoidalTable(2, 0)).toThrow(/C must be a positive integer, got 0/);
    expect(() => sinusoidalTable(2, 4, -1)).toThrow(/base must be a positive number, got -1/);
  });
});

eachBackend(() => {
  beforeEach(() => tf.engine().startScope());
  afterEach(() => tf.engine().endScope());

  it('sinusoidalPositions is the table, rounded once', async () => {
    const y = sinusoidalPositions(5, 7);
    expect(y.shape).toEqual([5, 7]);
    expect(Array.from(await read(y))).toEqual(Array.from(sinusoidalTable(5, 7).data, Math.fround));
    expect(sinusoidalPositions(0, 4).shape).toEqual([0, 4]);
  });

  it('learnedPositions looks rows up and adds up the gradients of rows used twice', async () => {
    const [table, dy] = [seededNormal([6, 3], 1), seededNormal([4, 3], 2)];
    const places = [5, 0, 5, 2];
    const value = ndarray(
      [4, 3],
      places.flatMap((p) => Array.from(table.data.slice(3 * p, 3 * p + 3))),
    );
    await expectWithin('rows', learnedPositions(fromNdArray(table), places), value, exact(value));
    const gradient = ndarray([6, 3]);
    places.forEach((p, t) => {
      for (let c = 0; c < 3; c++) gradient.data[3 * p + c]! += dy.data[3 * t + c]!;
    });
    const run = (at: tf.Tensor) => learnedPositions(at, places);
    await expectWithin(
      'gradient',
      tf.grad(run)(fromNdArray(table), fromNdArray(dy)),
      gradient,
      exact(gradient),
    );
    expect(learnedPositions(tf.ones([6, 3]), 2).shape).toEqual([2, 3]);
    expect(leaked(() => tf.tidy(() => learnedPositions(tf.ones([6, 3]), places)))).toBe(0);
  });
});

describe('learnedPositions errors', () => {
  it('name the position and the table', () => {
    const table = tf.ones([6, 3]);
    expect(() => learnedPositions(table, 7)).toThrow(
      /position 6 is not in the table \[6,3\], which holds 0\.\.5/,
    );
    expect(() => learnedPositions(table, [0, -1])).toThrow(/position -1 is not/);
    expect(() => learnedPositions(table, [0.5])).toThrow(/position 0.5 is not/);
    expect(() => learnedPositions(tf.ones([6]), 1)).toThrow(/table must be \[P,C\], got \[6\]/);
  });
});
