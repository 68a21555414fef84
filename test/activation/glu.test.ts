import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type GluKind, gatedActivation, glu, gluGates } from '../../src/activation/glu.js';
import {
  gatedActivationGradientOracle,
  gatedActivationOracle,
  gluGradientOracle,
  gluOracle,
} from '../../src/activation/glu-oracle.js';
import { ndarray } from '../../src/compute/ndarray.js';
import { seededNormal } from '../../src/compute/random.js';
import { fromNdArray, read } from '../../src/compute/read.js';
import { tf } from '../../src/compute/tf.js';
import { gatedErrors, gluErrors } from '../../src/golden/bounds/activation.js';
import { exact } from '../../src/golden/running-error.js';
import { eachBackend } from '../compute/backends.js';
import { differences, distance, expectWithin, leaked } from '../support/numeric.js';

const kinds = Object.keys(gluGates) as GluKind[];

describe('the glu oracle', () => {
  it('takes the value from the first half and the gate from the second', () => {
    const y = gluOracle(ndarray([1, 4], [3, 5, 0, Math.log(3)]));
    expect(distance(y, ndarray([1, 2], [1.5, 3.75]))).toBeLessThan(1e-15);
  });

  it.each(kinds)('%s has the gradient of its own forward pass', (kind) => {
    const [x, dy] = [seededNormal([3, 8], 1), seededNormal([3, 4], 2)];
    const expected = differences((at) => gluOracle(at, kind), x, dy);
    expect(distance(gluGradientOracle(x, dy, kind), expected)).toBeLessThan(1e-8);
  });

  it('agrees with the gated activation of two arrays', () => {
    const [value, gate, dy] = [seededNormal([5], 1), seededNormal([5], 2), seededNormal([5], 3)];
    const gradient = gatedActivationGradientOracle(value, gate, dy, 'silu');
    const ofValue = differences((at) => gatedActivationOracle(at, gate, 'silu'), value, dy);
    const ofGate = differences((at) => gatedActivationOracle(value, at, 'silu'), gate, dy);
    expect(distance(gradient.value, ofValue)).toBeLessThan(1e-8);
    expect(distance(gradient.gate, ofGate)).toBeLessThan(1e-8);
  });
});

eachBackend(() => {
  beforeEach(() => tf.engine().startScope());
  afterEach(() => tf.engine().endScope());

  it.each(kinds)('%s matches the oracle, forward and backward', async (kind) => {
    for (const shape of [[2], [3, 1, 14], [5, 400]]) {
      const x = seededNormal(shape, 1, 3);
      const dy = seededNormal([...shape.slice(0, -1), shape.at(-1)! / 2], 2);
      const bounds = gluErrors(x, dy, gluGates[kind]);
      await expectWithin(kind, glu(fromNdArray(x), kind), gluOracle(x, kind), bounds.out);
      const dx = tf.grad((a) => glu(a, kind))(fromNdArray(x), fromNdArray(dy));
      await expectWithin(`${kind} dx`, dx, gluGradientOracle(x, dy, kind), bounds.x!);
    }
  });

  it('gates one tensor by another', async () => {
    const [value, gate, dy] = [seededNormal([7, 9], 1), seededNormal([7, 9], 2, 4), seededNormal([7, 9], 3)];
    const bounds = gatedErrors(exact(value), exact(gate), exact(dy), 'silu');
    const expected = gatedActivationGradientOracle(value, gate, dy, 'silu');
    const run = (a: tf.Tensor, b: tf.Tensor) => gatedActivation(a, b, 'silu');
    const inputs = [fromNdArray(value), fromNdArray(gate)] as const;
    await expectWithin('out', run(...inputs), gatedActivationOracle(value, gate, 'silu'), bounds.out);
    const [dvalue, dgate] = tf.grads(run)([...inputs], fromNdArray(dy));
    await expectWithin('dvalue', dvalue!, expected.value, bounds.value!);
    await expectWithin('dgate', dgate!, expected.gate, bounds.gate!);
  });

  it('shuts on huge negative gates, passes NaN, and takes empty tensors', async () => {
    const y = await read(glu(tf.tensor2d([[1e30, 1, 2, -1e30, Number.NaN, 0]]), 'swiglu'));
    expect(Math.abs(y[0]!)).toBe(0);
    expect(y[1]).toBeNaN();
    expect(Math.abs(y[2]!)).toBe(0);
    for (const shape of [
      [0, 4],
      [3, 0],
    ]) {
      const x = tf.zeros(shape);
      const half = [shape[0]!, shape[1]! / 2];
      expect(glu(x).shape).toEqual(half);
      expect(tf.grad((a) => glu(a))(x, tf.zeros(half)).shape).toEqual(shape);
    }
  });

  it('leaves no tensors behind', () => {
    const [x, dy] = [tf.ones([4, 8]), tf.ones([4, 4])];
    expect(leaked(() => glu(x, 'geglu'))).toBe(0);
    expect(leaked(() => tf.grad((a) => glu(a, 'swiglu'))(x, dy))).toBe(0);
  });
});

describe('glu errors', () => {
  it('print the shapes and the choices', () => {
    expect(() => glu(tf.ones([2, 7]))).toThrow(/glu: x must be \[\.\.\., 2F\].* got \[2,7\]/);
    expect(() => glu(tf.ones([2, 8]), 'siglu' as GluKind)).toThrow(/unknown kind "siglu"; use one of glu/);
    expect(() => gatedActivation(tf.ones([2, 8]), tf.ones([8]), 'silu')).toThrow(
      /gatedActivation: .* value \[2,8\] and gate \[8\]/,
    );
  });
});
