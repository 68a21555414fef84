import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type NdArray, ndarray } from '../../../src/compute/ndarray.js';
import { seededNormal } from '../../../src/compute/random.js';
import { fromNdArray, read } from '../../../src/compute/read.js';
import { tf } from '../../../src/compute/tf.js';
import { activation } from '../../../src/layers/activation/activation.js';
import {
  activationGradientOracle,
  activationOracle,
  scalarActivation,
} from '../../../src/layers/activation/activation-oracle.js';
import { erfc } from '../../../src/layers/activation/erf.js';
import { type ActivationKind, activationKinds } from '../../../src/layers/activation/kinds.js';
import { activationErrors } from '../../../src/workbench/golden/bounds/activation.js';
import { eachBackend } from '../../compute/backends.js';
import { differences, distance, expectWithin, leaked } from '../../support/numeric.js';

const options = { slope: 0.2, alpha: 1.3, beta: 1.7 };

/** Both tails, the neighbourhood of zero, and numbers whose squares and cubes leave float32. */
const grid = [
  0, 1e-30, 1e-7, 1e-4, 0.01, 0.3, 0.49, 0.51, 1, 1.2785, 2.27, 2.7, 4, 5, 7.5, 10, 12.9, 17, 30, 88,
]
  .concat([89, 104, 1e4, 1e13, 1e20, 3e38])
  .flatMap((x) => [x, -x])
  .map(Math.fround);

describe('erfc', () => {
  it('agrees with printed values', () => {
    // Abramowitz & Stegun, table 7.1: erf 0.5, 1 and 2; and erfc by its asymptotic series at 10.
    expect(1 - erfc(0.5)).toBeCloseTo(0.5204998778, 10);
    expect(1 - erfc(1)).toBeCloseTo(0.8427007929, 10);
    expect(1 - erfc(2)).toBeCloseTo(0.995322265, 10);
    const asymptotic = (Math.exp(-100) / (10 * Math.sqrt(Math.PI))) * (1 - 1 / 200 + 3 / 40_000 - 15 / 8e6);
    expect(erfc(10) / asymptotic - 1).toBeLessThan(1e-6);
    expect(erfc(-1) + erfc(1)).toBeCloseTo(2, 15);
    expect(erfc(Number.NaN)).toBeNaN();
  });

  it('joins its two forms smoothly', () => {
    const [below, above] = [2.5 - 1e-9, 2.5 + 1e-9];
    const slope = (-2 / Math.sqrt(Math.PI)) * Math.exp(-6.25);
    expect(Math.abs(erfc(above) - erfc(below) - slope * (above - below))).toBeLessThan(1e-15);
  });
});

describe('the activation oracle', () => {
  it.each(activationKinds)('%s has the gradient of its own forward pass', (kind) => {
    const [x, dy] = [seededNormal([40], 1, 2), seededNormal([40], 2)];
    const expected = differences((at) => activationOracle(at, kind, options), x, dy);
    expect(distance(activationGradientOracle(x, dy, kind, options), expected)).toBeLessThan(1e-8);
  });

  it('knows the values of its functions', () => {
    const at = (kind: ActivationKind, x: number) => scalarActivation(kind, options).value(x);
    expect(at('sigmoid', Math.log(3))).toBeCloseTo(0.75, 15);
    expect(at('leaky_relu', -2)).toBeCloseTo(-0.4, 15);
    expect(at('elu', Math.log(0.5))).toBeCloseTo(-0.65, 15);
    expect(at('silu', Math.log(3))).toBeCloseTo(0.75 * Math.log(3), 15);
    expect(at('swish', 1)).toBeCloseTo(1 / (1 + Math.exp(-1.7)), 15);
    // Phi(1) = 0.841345 and the maximal errors of the two approximations.
    expect(at('gelu_erf', 1)).toBeCloseTo(0.8413447461, 10);
    expect(Math.abs(at('gelu_tanh', 2.7) - at('gelu_erf', 2.7))).toBeCloseTo(4.7e-4, 5);
    expect(Math.abs(at('gelu_sigmoid', 2.27) - at('gelu_erf', 2.27))).toBeCloseTo(2.03e-2, 4);
  });
});

eachBackend((name) => {
  beforeEach(() => tf.engine().startScope());
  afterEach(() => tf.engine().endScope());

  describe.each(activationKinds)(`activation %s`, (kind) => {
    async function check(x: NdArray): Promise<void> {
      const dy = seededNormal(x.shape, 3);
      const run = (a: tf.Tensor) => activation(a, kind, options);
      const bounds = activationErrors(x, dy, kind, options);
      await expectWithin(kind, run(fromNdArray(x)), activationOracle(x, kind, options), bounds.out);
      const dx = tf.grad(run)(fromNdArray(x), fromNdArray(dy));
      await expectWithin(`${kind} dx`, dx, activationGradientOracle(x, dy, kind, options), bounds.x!);
    }

    it('matches the oracle in the middle, in both tails and for huge arguments', async () => {
      await check(ndarray([grid.length], grid));
      await check(seededNormal([37, 19], 1, 3));
      await check(seededNormal([1], 2));
    });

    it('keeps its relative accuracy where it is small', async () => {
      if (!kind.startsWith('gelu') && kind !== 'silu') return;
      const x = [-4.5, -3, -1e-6, 1e-6].map(Math.fround);
      const y = await read(activation(tf.tensor1d(x), kind));
      const { value } = scalarActivation(kind);
      x.forEach((at, n) => {
        expect(Math.abs(y[n]! / value(at) - 1), `${kind}(${at})`).toBeLessThan(1e-5);
      });
    });

    it('passes NaN on, and the limits at infinity that exist in float arithmetic', async () => {
      const x = tf.tensor1d([Number.NaN, Number.POSITIVE_INFINITY, 1]);
      const y = await read(activation(x, kind));
      expect(y[0]).toBeNaN();
      expect(y[1]).toBe(kind === 'sigmoid' ? 1 : Number.POSITIVE_INFINITY);
      expect(Number.isFinite(y[2])).toBe(true);
    });

    it('takes the empty tensor', async () => {
      const x = tf.zeros([3, 0]);
      expect(activation(x, kind).shape).toEqual([3, 0]);
      expect(tf.grad((a) => activation(a, kind))(x, x).shape).toEqual([3, 0]);
    });
  });

  it(`leaves no tensors behind on ${name}`, () => {
    const x = tf.ones([4, 8]);
    for (const kind of activationKinds) {
      expect(leaked(() => activation(x, kind))).toBe(0);
      expect(leaked(() => tf.grad((a) => activation(a, kind))(x, x))).toBe(0);
    }
  });
});

describe('activation errors', () => {
  it('name the function, the value and what to do', () => {
    expect(() => activation(tf.ones([2], 'int32'), 'relu')).toThrow(
      /activation: x must be float32, got int32/,
    );
    expect(() => activation(tf.ones([2]), 'gelu' as ActivationKind)).toThrow(
      /activation: unknown activation "gelu"; use one of identity, sigmoid/,
    );
    expect(() => activation(tf.ones([2]), 'elu', { alpha: Number.NaN })).toThrow(/alpha must be .* got NaN/);
  });
});
