import { describe, expect, it } from 'vitest';
import { ndarray } from '../../../src/compute/ndarray.js';
import { seededNormal } from '../../../src/compute/random.js';
import { ropeOracle } from '../../../src/layers/position/rope.js';
import {
  permuteInterleavedToHalf,
  ropeByComplexProduct,
  ropeByMatrix,
  ropeByRotateHalf,
  ropeElementwise,
  ropeMatrix,
} from '../../../src/layers/position/rope-forms.js';

const D = 16;
const x = Array.from(seededNormal([D], 1).data);
const close = (values: ArrayLike<number>) => Array.from(values, (value) => expect.closeTo(value, 12));

describe('the written forms of rope', () => {
  it.each([0, 1, -2.5, 1000])('agree with the oracle at position %d', (position) => {
    const interleaved = close(ropeOracle(ndarray([1, D], x), [position]).data);
    expect(ropeByComplexProduct(x, position)).toEqual(interleaved);
    expect(ropeByMatrix(x, position)).toEqual(interleaved);
    expect(ropeElementwise(x, position)).toEqual(interleaved);
    expect(ropeByRotateHalf(x, position)).toEqual(
      close(ropeOracle(ndarray([1, D], x), [position], { layout: 'half' }).data),
    );
  });

  it('is an orthogonal matrix', () => {
    const R = ropeMatrix(6, 3.7);
    R.forEach((a, i) => {
      R.forEach((b, j) => {
        expect(a.reduce((sum, value, n) => sum + value * b[n]!, 0)).toBeCloseTo(i === j ? 1 : 0, 14);
      });
    });
  });

  it('becomes the half layout by permuting features', () => {
    expect(permuteInterleavedToHalf([0, 1, 2, 3, 4, 5, 6, 7])).toEqual([0, 2, 4, 6, 1, 3, 5, 7]);
    const rotated = ropeByRotateHalf(permuteInterleavedToHalf(x), 11);
    expect(rotated).toEqual(close(permuteInterleavedToHalf(ropeByComplexProduct(x, 11))));
  });

  it('refuses an odd number of features', () => {
    expect(() => permuteInterleavedToHalf([1, 2, 3])).toThrow(/even number of features, got 3/);
    expect(() => ropeByMatrix([1, 2, 3], 1)).toThrow(/rope: D must be even.*D = 3/);
  });
});
