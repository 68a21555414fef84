/** Half parameters: their steps against the oracles, with a float32 copy and without, and what a loss scale does. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { halfFrom, halfNormal } from '../../../scripts/half/check.js';
import { type HalfVariable, halfVariable, toFloat, toHalf } from '../../../src/compute/half/index.js';
import { launchedKernels } from '../../../src/compute/launch.js';
import { ndarray } from '../../../src/compute/ndarray.js';
import { read, toNdArray } from '../../../src/compute/read.js';
import { tf } from '../../../src/compute/tf.js';
import { Optimizer } from '../../../src/training/optimizer/optimizer.js';
import { adamOracle, sgdOracle } from '../../../src/training/optimizer/optimizer-oracle.js';
import { adam, adamW, sgd } from '../../../src/training/optimizer/rules.js';
import { adamErrors, sgdErrors } from '../../../src/workbench/golden/bounds/optimizer.js';
import { eachBackend } from '../../compute/backends.js';
import { expectHalfWithin } from '../../support/half.js';

const values = async (half: HalfVariable) => Array.from(await read(toFloat(half)));

eachBackend((name) => {
  beforeEach(() => tf.engine().startScope());
  afterEach(() => tf.engine().endScope());

  const sgdOptions = { learningRate: 0.05, momentum: 0.9, nesterov: false, weightDecay: 0.01 };
  const adamOptions = { learningRate: 0.02, beta1: 0.8, beta2: 0.95, eps: 1e-6, weightDecay: 0.1 };

  for (const path of name === 'webgpu' ? (['fused', 'composed'] as const) : (['composed'] as const)) {
    describe(`half parameters, ${path}`, () => {
      it.each([[[3, 5]], [[8]], [[1]], [[1301]]])(
        'with float32 copies take the steps of the oracle, rounded once: %j',
        async (shape) => {
          const start = halfNormal(shape, 9);
          const gradients = [1, 2, 3, 4].map((seed) => halfNormal(shape, seed));
          for (const [rule, expected, bounds] of [
            [
              sgd(sgdOptions),
              sgdOracle(start, gradients, sgdOptions),
              sgdErrors(start, gradients, sgdOptions),
            ],
            [
              adam({ ...adamOptions, path }),
              adamOracle(start, gradients, adamOptions),
              adamErrors(start, gradients, adamOptions, false),
            ],
            [
              adamW({ ...adamOptions, path }),
              adamOracle(start, gradients, adamOptions, true),
              adamErrors(start, gradients, adamOptions, true),
            ],
            [
              adamW({ ...adamOptions, beta2: 0.6, amsgrad: true, path }),
              adamOracle(start, gradients, { ...adamOptions, beta2: 0.6, amsgrad: true }, true),
              adamErrors(start, gradients, { ...adamOptions, beta2: 0.6, amsgrad: true }, true),
            ],
          ] as const) {
            const variable = halfVariable(halfFrom(start));
            const optimizer = new Optimizer([variable], rule);
            for (const gradient of gradients) optimizer.step([halfFrom(gradient)]);
            await expectHalfWithin(rule.name, variable, { value: expected, error: bounds.error });
            optimizer.dispose();
            tf.dispose(variable);
          }
        },
      );

      it.each([[[3, 5]], [[8]]])('without copies round every step: %j', async (shape) => {
        const start = halfNormal(shape, 9);
        const gradients = [1, 2, 3, 4].map((seed) => halfNormal(shape, seed));
        const variable = halfVariable(halfFrom(start));
        const optimizer = new Optimizer([variable], adamW({ ...adamOptions, path }), {
          masterWeights: false,
        });
        const shrink = 1 - adamOptions.learningRate * adamOptions.weightDecay;
        for (const [n, gradient] of gradients.entries()) {
          // What a step takes away does not depend on the parameter, only what it shrinks by does.
          const before = (await toNdArray(toFloat(variable))).data;
          const exactly = [n, n + 1].map((taken) =>
            taken === 0 ? start : adamOracle(start, gradients.slice(0, taken), adamOptions, true),
          );
          const { error } = adamErrors(start, gradients.slice(0, n + 1), adamOptions, true);
          const value = before.map(
            (p, at) => shrink * p - (shrink * exactly[0]!.data[at]! - exactly[1]!.data[at]!),
          );
          const bound = error.data.map((e, at) => e + 2 ** -22 * Math.abs(before[at]!));
          optimizer.step([halfFrom(gradient)]);
          const bounds = { value: ndarray(shape, value), error: ndarray(shape, bound) };
          await expectHalfWithin(`step ${n + 1}`, variable, bounds);
        }
        optimizer.dispose();
        tf.dispose(variable);
      });

      it('add up steps that are too small for half precision only with a copy', async () => {
        const trained = async (masterWeights: boolean) => {
          const variable = halfVariable(toHalf(tf.ones([3])));
          const rule = adamW({ learningRate: 1e-4, weightDecay: 0, path });
          const optimizer = new Optimizer([variable], rule, { masterWeights });
          for (let n = 0; n < 30; n++) optimizer.step([toHalf(tf.ones([3]))]);
          const result = await values(variable);
          optimizer.dispose();
          tf.dispose(variable);
          return result;
        };
        expect(await trained(false)).toEqual([1, 1, 1]);
        for (const p of await trained(true)) expect(Math.abs(p - 0.997)).toBeLessThan(2 ** -11);
      });

      // What the size of a gradient matters to: SGD, and Adam with an eps of its size.
      it.each([
        ['sgd', sgd({ learningRate: 0.5 })],
        ['adamW', adamW({ ...adamOptions, eps: 0.02, path })],
      ])('divide gradients of a scaled loss in float32: %s', async (_name, rule) => {
        const start = halfNormal([6], 9);
        const trained = async (lossScale: number, gradientScale: number) => {
          const variable = halfVariable(halfFrom(start));
          const float = tf.variable(tf.zeros([1]));
          const optimizer = new Optimizer<HalfVariable | tf.Variable>([variable, float], rule, { lossScale });
          const slope = ndarray(
            [6],
            halfNormal([6], 1).data.map((g) => Math.round(g * 64) * gradientScale),
          );
          for (let n = 0; n < 3; n++) optimizer.step([halfFrom(slope), tf.tensor1d([gradientScale])]);
          const result = [await values(variable), Array.from(await read(float))];
          optimizer.dispose();
          tf.dispose([variable, float]);
          return result;
        };
        expect(await trained(1024, 1)).toEqual(await trained(1, 2 ** -10));
        expect(await trained(1024, 1)).not.toEqual(await trained(1, 1));
      });

      it('may be empty', () => {
        const variable = halfVariable(toHalf(tf.zeros([0, 3])));
        const optimizer = new Optimizer([variable], adamW({ path }));
        optimizer.step([toHalf(tf.zeros([0, 3]))]);
        expect([variable.shape, optimizer.steps]).toEqual([[0, 3], 1]);
        optimizer.dispose();
        tf.dispose(variable);
      });
    });
  }

  it('are minimised with float32 ones, gradients under 2^-24 lifted by the loss scale, holding memory flat', async () => {
    const trained = async (lossScale: number) => {
      const half = halfVariable(toHalf(tf.ones([5])));
      const [float, unused] = [tf.variable(tf.ones([5])), halfVariable(toHalf(tf.ones([2])))];
      const optimizer = new Optimizer<HalfVariable | tf.Variable>(
        [half, float, unused],
        adamW({ learningRate: 0.1, weightDecay: 0, eps: 1e-12 }),
        { lossScale, decay: () => false },
      );
      const loss = () => tf.mul(tf.sum(tf.add(toFloat(half), float)), 2 ** -27);
      let held = 0;
      for (let n = 0; n < 3; n++) {
        const value = optimizer.minimize(loss);
        if (n === 0) expect((await read(value))[0]).toBeCloseTo(10 * 2 ** -27, 12);
        value.dispose();
        if (n === 0) held = tf.memory().numTensors;
      }
      expect(tf.memory().numTensors).toBe(held);
      const result = [(await values(half))[0]!, (await read(float))[0]!];
      optimizer.dispose();
      tf.dispose([half, float, unused]);
      return result;
    };
    const [half, float] = await trained(2 ** 20);
    expect(Math.abs(half! - 0.7)).toBeLessThan(1e-3);
    expect(float).toBeCloseTo(0.7, 4);
    const [vanished] = await trained(1);
    expect(vanished).toBe(1);
  });

  if (name === 'webgpu') {
    it('take one launch per variable and step', () => {
      const launched = launchedKernels();
      const variables = [halfVariable(toHalf(tf.ones([3]))), halfVariable(toHalf(tf.ones([8])))];
      const optimizer = new Optimizer(variables, adamW());
      launched.reset();
      for (let n = 0; n < 3; n++) optimizer.step(variables.map(({ shape }) => toHalf(tf.ones(shape))));
      expect([launched.list(), launched.count('adam.step.f16')]).toEqual([['adam.step.f16'], 6]);
      optimizer.dispose();
      tf.dispose(variables);
    });
  }
});

describe('optimizer errors of half parameters', () => {
  it('name the kind that is wrong and change nothing', async () => {
    const variable = halfVariable(toHalf(tf.ones([2])));
    const optimizer = new Optimizer([variable], adamW());
    expect(() => optimizer.step([tf.ones([2])])).toThrow(/adamW: gradient must be a half tensor/);
    expect(() => optimizer.step([toHalf(tf.ones([3]))])).toThrow(/parameter \[2\] and \[3\]/);
    expect([optimizer.steps, await values(variable)]).toEqual([0, [1, 1]]);
    expect(() => new Optimizer([variable], adamW(), { lossScale: 0 })).toThrow(/lossScale must be .* got 0/);
    tf.dispose(variable);
  });
});
