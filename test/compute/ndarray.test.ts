import { expect, test } from 'vitest';
import { matrixAt, ndarray } from '../../src/compute/ndarray.js';

const counting = ndarray(
  [2, 3, 2, 2],
  Array.from({ length: 24 }, (_, i) => i),
);

test('matrixAt takes the last two axes at the leading index', () => {
  expect(matrixAt(counting, 1, 2)).toEqual([
    [20, 21],
    [22, 23],
  ]);
  expect(matrixAt(ndarray([1, 3], [7, 8, 9]))).toEqual([[7, 8, 9]]);
  expect(matrixAt(ndarray([2, 0, 5]), 1)).toEqual([]);
});

test('matrixAt names the shape and the index that do not fit', () => {
  for (const index of [[1], [2, 0], [0, 3], [0, 1.5], [0, 0, 0]]) {
    expect(() => matrixAt(counting, ...index)).toThrow(`index [${index}] of an array of shape [2,3,2,2]`);
  }
});
