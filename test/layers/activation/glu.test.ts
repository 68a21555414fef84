import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { launchedKernels } from '../../../src/compute/launch.js';
import { ndarray } from '../../../src/compute/ndarray.js';
import { seededNormal } from '../../../src/compute/random.js';
import { fromNdArray, read } from '../../../src/compute/read.js';
import { tf } from '../../../src/compute/tf.js';
import { type GluKind, gatedActivation, glu, gluGates } from '../../../src/layers/activation/glu.js';
import {
  gatedActivationGradientOracle,
  gatedActivationOracle,
  gluGradientOracle,
  gluOracle,
} from '../../../src/layers/activation/glu-oracle.js';
import { activationKinds } from '../../../src/layers/activation/kinds.js';
import { gatedErrors, gluErrors } from '../../../src/workbench/golden/bounds/activation.js';
import { exact } from '../../../src/workbench/golden/running-error.js';
import { eachBackend } from '../../compute/backends.js';
import { differences, distance, expectWithin, leaked } from '../../support/numeric.js';

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

eachBackend((name) => {
  beforeEach(() => tf.engine().startScope());
  afterEach(() => tf.engine().endScope());

  const paths = name === 'webgpu' ? (['fused', 'composed'] as const) : (['composed'] as const);
  describe.each(paths)('%s', (path) => {
    it.each(kinds)('%s matches the oracle, forward and backward', async (kind) => {
      for (const shape of [[2], [3, 1, 14], [5, 400]]) {
        const x = seededNormal(shape, 1, 3);
        const dy = seededNormal([...shape.slice(0, -1), shape.at(-1)! / 2], 2);
        const bounds = gluErrors(x, dy, gluGates[kind]);
        await expectWithin(kind, glu(fromNdArray(x), kind, { path }), gluOracle(x, kind), bounds.out);
        const dx = tf.grad((a) => glu(a, kind, { path }))(fromNdArray(x), fromNdArray(dy));
        await expectWithin(`${kind} dx`, dx, gluGradientOracle(x, dy, kind), bounds.x!);
      }
    });

    it.each(activationKinds)('gates one tensor by %s of another', async (kind) => {
      for (const shape of [
        [7, 9],
        [4, 33],
      ]) {
        const [value, gate, dy] = [seededNormal(shape, 1), seededNormal(shape, 2, 4), seededNormal(shape, 3)];
        const options = { slope: 0.2, alpha: 1.5, beta: 0.7 };
        const bounds = gatedErrors(exact(value), exact(gate), exact(dy), kind, options);
        const expected = gatedActivationGradientOracle(value, gate, dy, kind, options);
        const run = (a: tf.Tensor, b: tf.Tensor) => gatedActivation(a, b, kind, { ...options, path });
        const inputs = [fromNdArray(value), fromNdArray(gate)] as const;
        await expectWithin(
          'out',
          run(...inputs),
          gatedActivationOracle(value, gate, kind, options),
          bounds.out,
        );
        const [dvalue, dgate] = tf.grads(run)([...inputs], fromNdArray(dy));
        await expectWithin('dvalue', dvalue!, expected.value, bounds.value!);
        await expectWithin('dgate', dgate!, expected.gate, bounds.gate!);
      }
    });

    it('shuts on huge negative gates, passes NaN, and takes empty tensors', async () => {
      const y = await read(glu(tf.tensor2d([[1e30, 1, 2, -1e30, Number.NaN, 0]]), 'swiglu', { path }));
      expect(Math.abs(y[0]!)).toBe(0);
      expect(y[1]).toBeNaN();
      expect(Math.abs(y[2]!)).toBe(0);
      for (const shape of [
        [0, 4],
        [3, 0],
      ]) {
        const x = tf.zeros(shape);
        const half = [shape[0]!, shape[1]! / 2];
        expect(glu(x, 'glu', { path }).shape).toEqual(half);
        expect(tf.grad((a) => glu(a, 'glu', { path }))(x, tf.zeros(half)).shape).toEqual(shape);
      }
    });

    it.each(activationKinds)('%s passes NaN on, forward and backward', async (kind) => {
      const gate = tf.tensor1d([Number.NaN, 1]);
      const y = await read(gatedActivation(tf.ones([2]), gate, kind, { path }));
      expect(y[0]).toBeNaN();
      expect(y[1]).not.toBeNaN();
      // relu's branches hold constants: the slope at NaN is theirs to choose.
      if (/relu|identity/.test(kind)) return;
      const dgate = await read(tf.grad((g) => gatedActivation(tf.ones([2]), g, kind, { path }))(gate));
      expect(dgate[0]).toBeNaN();
    });

    it('leaves no tensors behind', () => {
      const [x, dy] = [tf.ones([4, 8]), tf.ones([4, 4])];
      expect(leaked(() => glu(x, 'geglu', { path }))).toBe(0);
      expect(leaked(() => tf.grad((a) => glu(a, 'swiglu', { path }))(x, dy))).toBe(0);
    });
  });

  if (name === 'webgpu') {
    it('takes the fused kernels unless told otherwise', async () => {
      const launched = launchedKernels();
      launched.reset();
      await read(tf.grad((x) => glu(x, 'swiglu'))(tf.ones([2, 4])));
      await read(tf.grad((x) => gatedActivation(x, x, 'silu'))(tf.ones([2, 4])));
      expect(launched.list()).toEqual(['glu.forward', 'glu.backward', 'gated.forward', 'gated.backward']);
    });
  } else {
    it('refuses the fused path by name', () => {
      expect(() => glu(tf.ones([2, 4]), 'glu', { path: 'fused' })).toThrow(/glu: path 'fused' needs/);
    });
  }
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
