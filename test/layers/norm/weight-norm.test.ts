import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ndarray } from '../../../src/compute/ndarray.js';
import { seededNormal } from '../../../src/compute/random.js';
import { read } from '../../../src/compute/read.js';
import { tf } from '../../../src/compute/tf.js';
import { weightNormGradientOracle, weightNormOracle } from '../../../src/layers/norm/norm-oracle.js';
import { weightNorm } from '../../../src/layers/norm/weight-norm.js';
import { weightNormErrors } from '../../../src/workbench/golden/bounds/normalization.js';
import { eachBackend } from '../../compute/backends.js';
import { distance, expectComponent, expectOracleGradient, leaked } from '../../support/numeric.js';

describe('the weightNorm oracle', () => {
  it('gives each row the length g', () => {
    const w = weightNormOracle(ndarray([2, 2], [3, 4, 0, -2]), ndarray([2], [10, 0.5]));
    expect(distance(w, ndarray([2, 2], [6, 8, 0, -0.5]))).toBeLessThan(1e-14);
  });

  it('has the gradients of its own forward pass', () => {
    const inputs = { v: seededNormal([3, 4], 1), g: seededNormal([3], 2) };
    const dw = seededNormal([3, 4], 3);
    const gradients = weightNormGradientOracle(inputs.v, inputs.g, dw);
    expectOracleGradient((at) => weightNormOracle(at.v, at.g), inputs, dw, gradients);
  });
});

eachBackend(() => {
  beforeEach(() => tf.engine().startScope());
  afterEach(() => tf.engine().endScope());

  it.each([[[5, 7]], [[1, 1]], [[3, 200]], [[4, 3, 2, 2]]])(
    'matches the oracle, forward and backward, for v %j',
    (shape) => check(shape, 1),
  );

  it('takes weights whose squares overflow or vanish', async () => {
    await check([3, 20], 1e25);
    await check([3, 20], 1e-25);
  });

  async function check(shape: number[], size: number): Promise<void> {
    const inputs = { v: seededNormal(shape, 1, size), g: seededNormal(shape.slice(0, 1), 2) };
    const dw = seededNormal(shape, 3);
    const expected = {
      out: weightNormOracle(inputs.v, inputs.g),
      gradients: weightNormGradientOracle(inputs.v, inputs.g, dw),
    };
    await expectComponent(
      (at) => weightNorm(at.v, at.g),
      inputs,
      dw,
      expected,
      weightNormErrors(inputs.v, inputs.g, dw),
    );
  }

  it('has no direction for a zero row, and keeps NaN in its row', async () => {
    const w = await read(
      weightNorm(
        tf.tensor2d([
          [0, 0],
          [Number.NaN, 1],
          [3, 4],
        ]),
        tf.ones([3]),
      ),
    );
    expect([w[0], w[2], w[3]]).toEqual([Number.NaN, Number.NaN, Number.NaN]);
    expect(w[4]).toBeCloseTo(0.6, 6);
  });

  it('takes the empty weight and leaves no tensors behind', () => {
    expect(weightNorm(tf.zeros([0, 3]), tf.zeros([0])).shape).toEqual([0, 3]);
    expect(weightNorm(tf.zeros([3, 0]), tf.zeros([3])).shape).toEqual([3, 0]);
    const [v, g] = [tf.ones([3, 4]), tf.ones([3])];
    expect(leaked(() => weightNorm(v, g))).toBe(0);
    expect(leaked(() => tf.grads((a, b) => weightNorm(a!, b!))([v, g], v))).toBe(0);
  });
});

describe('weightNorm errors', () => {
  it('print both shapes', () => {
    expect(() => weightNorm(tf.ones([3, 4]), tf.ones([4]))).toThrow(/weightNorm: .* v \[3,4\] and g \[4\]/);
  });
});
