import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { launchedKernels } from '../../../src/compute/launch.js';
import { ndarray } from '../../../src/compute/ndarray.js';
import { seededNormal } from '../../../src/compute/random.js';
import { fromNdArray, read } from '../../../src/compute/read.js';
import { tf } from '../../../src/compute/tf.js';
import { Optimizer } from '../../../src/training/optimizer/optimizer.js';
import { adamOracle, sgdOracle } from '../../../src/training/optimizer/optimizer-oracle.js';
import { adam, adamW, sgd } from '../../../src/training/optimizer/rules.js';
import { adamErrors, sgdErrors } from '../../../src/workbench/golden/bounds/optimizer.js';
import { eachBackend } from '../../compute/backends.js';
import { expectWithin } from '../../support/numeric.js';

const one = (value: number) => ndarray([1], [value]);

describe('the optimizer oracles', () => {
  it('keep the largest second moment with AMSGrad, and dampen all gradients but the first', () => {
    // v is 1, then 0.5: the second step divides by the root of 1, whose correction is 0.75.
    const rate = { learningRate: 0.1, beta1: 0, beta2: 0.5, eps: 0, amsgrad: true };
    const expected = 1 - 0.1 * (2 ** 0.5 / 2 ** 0.5) - 0.1 * (0.1 / Math.sqrt(0.5 / 0.75));
    expect(adamOracle(one(1), [one(1), one(0.1)], rate).data[0]).toBeCloseTo(expected, 12);
    const dampened = { learningRate: 1, momentum: 0.5, dampening: 0.25 };
    expect(sgdOracle(one(0), [one(4), one(4)], dampened).data[0]).toBe(-4 - (2 + 3));
  });

  it('take the first steps that can be done by hand', () => {
    // Adam's first step is the learning rate in the direction of the gradient, whatever its size.
    const rate = { learningRate: 0.1, eps: 0 };
    expect(adamOracle(one(1), [one(1e-5)], rate).data[0]).toBeCloseTo(0.9, 12);
    expect(adamOracle(one(1), [one(-300)], rate).data[0]).toBeCloseTo(1.1, 12);
    const decay = { ...rate, weightDecay: 0.5 };
    expect(adamOracle(one(2), [one(1)], decay, true).data[0]).toBeCloseTo(2 - 0.1 * 0.5 * 2 - 0.1, 12);
    expect(adamOracle(one(2), [one(1)], decay).data[0]).toBeCloseTo(1.9, 12);
    const momentum = { learningRate: 0.1, momentum: 0.5, weightDecay: 0.25 };
    // g = 1 + 0.25 * 2 = 1.5, p = 1.85; g = 1.4625, velocity 0.75 + 1.4625 = 2.2125.
    expect(sgdOracle(one(2), [one(1), one(1)], momentum).data[0]).toBeCloseTo(1.85 - 0.22125, 12);
    expect(sgdOracle(one(2), [one(1)], { ...momentum, nesterov: true }).data[0]).toBeCloseTo(
      2 - 0.1 * 2.25,
      12,
    );
  });
});

eachBackend((name) => {
  beforeEach(() => tf.engine().startScope());
  afterEach(() => tf.engine().endScope());

  const gradients = [1, 2, 3, 4, 5, 6].map((seed) => seededNormal([3, 5], seed));
  const start = seededNormal([3, 5], 9);
  const sgdOptions = { learningRate: 0.05, momentum: 0.9, nesterov: false, weightDecay: 0.01 };
  const adamOptions = { learningRate: 0.02, beta1: 0.8, beta2: 0.95, eps: 1e-6, weightDecay: 0.1 };

  const paths = name === 'webgpu' ? (['fused', 'composed'] as const) : (['composed'] as const);
  for (const path of paths) {
    describe(path, () => {
      it.each([
        [
          'sgd',
          sgd(sgdOptions),
          sgdOracle(start, gradients, sgdOptions),
          sgdErrors(start, gradients, sgdOptions),
        ],
        [
          'sgd without momentum',
          sgd({ ...sgdOptions, momentum: 0 }),
          sgdOracle(start, gradients, { ...sgdOptions, momentum: 0 }),
          sgdErrors(start, gradients, { ...sgdOptions, momentum: 0 }),
        ],
        [
          'sgd, nesterov',
          sgd({ ...sgdOptions, nesterov: true }),
          sgdOracle(start, gradients, { ...sgdOptions, nesterov: true }),
          sgdErrors(start, gradients, { ...sgdOptions, nesterov: true }),
        ],
        [
          'sgd, dampened',
          sgd({ ...sgdOptions, dampening: 0.3 }),
          sgdOracle(start, gradients, { ...sgdOptions, dampening: 0.3 }),
          sgdErrors(start, gradients, { ...sgdOptions, dampening: 0.3 }),
        ],
        [
          'adamW, AMSGrad',
          adamW({ ...adamOptions, beta2: 0.6, amsgrad: true, path }),
          adamOracle(start, gradients, { ...adamOptions, beta2: 0.6, amsgrad: true }, true),
          adamErrors(start, gradients, { ...adamOptions, beta2: 0.6, amsgrad: true }, true),
        ],
        [
          'adam with L2',
          adam({ ...adamOptions, path }),
          adamOracle(start, gradients, adamOptions),
          adamErrors(start, gradients, adamOptions, false),
        ],
        [
          'adamW',
          adamW({ ...adamOptions, path }),
          adamOracle(start, gradients, adamOptions, true),
          adamErrors(start, gradients, adamOptions, true),
        ],
      ] as const)('%s takes the steps of the oracle', async (_name, rule, expected, bounds) => {
        const variable = tf.variable(fromNdArray(start));
        const optimizer = new Optimizer([variable], rule);
        for (const gradient of gradients) optimizer.step([fromNdArray(gradient)]);
        expect(optimizer.steps).toBe(6);
        await expectWithin('parameter', variable, expected, bounds);
        optimizer.dispose();
        variable.dispose();
      });

      it('moves by the learning rate for tiny and for huge gradients, and keeps NaN', async () => {
        const gradient = tf.tensor1d([1e-12, 1e15, -1e15, Number.NaN, 0]);
        const { parameter } = adamW({ learningRate: 0.1, eps: 0, weightDecay: 0, path }).update(
          tf.ones([5]),
          gradient,
          undefined,
          1,
        );
        const y = await read(parameter);
        expect(y[0]).toBeCloseTo(0.9, 6);
        expect(y[1]).toBeCloseTo(0.9, 6);
        expect(y[2]).toBeCloseTo(1.1, 6);
        expect(y[3]).toBeNaN();
        const still = adamW({ weightDecay: 0, path }).update(
          tf.ones([2]),
          tf.zeros([2]),
          undefined,
          1,
        ).parameter;
        expect(Array.from(await read(still))).toEqual([1, 1]);
        expect(adamW({ path }).update(tf.zeros([0]), tf.zeros([0]), undefined, 1).parameter.shape).toEqual([
          0,
        ]);
        expect(sgd().update(tf.zeros([0]), tf.zeros([0]), undefined, 1).parameter.shape).toEqual([0]);
      });

      it.each([[[1]], [[1030]], [[2, 3, 17]], [[66_000]]])(
        'adamW takes odd and long shapes: %j',
        async (shape) => {
          const parameter = seededNormal(shape, 1);
          const steps = [2, 3].map((seed) => seededNormal(shape, seed));
          const variable = tf.variable(fromNdArray(parameter));
          const optimizer = new Optimizer([variable], adamW({ ...adamOptions, path }));
          for (const gradient of steps) optimizer.step([fromNdArray(gradient)]);
          const bounds = adamErrors(parameter, steps, adamOptions, true);
          await expectWithin('parameter', variable, adamOracle(parameter, steps, adamOptions, true), bounds);
          optimizer.dispose();
          variable.dispose();
        },
      );
    });
  }

  if (name === 'webgpu') {
    it('takes one launch per variable and step unless told otherwise', () => {
      const launched = launchedKernels();
      const variables = [tf.variable(tf.ones([3])), tf.variable(tf.ones([8]))];
      const optimizer = new Optimizer(variables, adamW({ weightDecay: 0.1 }));
      launched.reset();
      for (let n = 0; n < 3; n++) optimizer.step(variables.map((variable) => tf.ones(variable.shape)));
      expect([launched.list(), launched.count('adam.step')]).toEqual([['adam.step'], 6]);
      optimizer.dispose();
      tf.dispose(variables);
    });
  } else {
    it('refuses the fused path by name', () => {
      const rule = adamW({ path: 'fused' });
      expect(() => rule.update(tf.ones([2]), tf.ones([2]), undefined, 1)).toThrow(
        /adamW: path 'fused' needs/,
      );
    });
  }

  it('finds the minimum of a loss in a training loop, holding memory flat', async () => {
    const [weight, bias] = [tf.variable(tf.zeros([3, 1])), tf.variable(tf.zeros([1]))];
    const x = fromNdArray(seededNormal([20, 3], 1));
    const y = tf.add(tf.matMul(x, tf.tensor2d([[2], [-1], [0.5]])), 3);
    const optimizer = new Optimizer([weight, bias], adamW({ learningRate: 0.2, weightDecay: 0 }));
    const loss = () => tf.mean(tf.square(tf.sub(tf.add(tf.matMul(x, weight), bias), y)));
    const losses: number[] = [];
    let held = 0;
    for (let n = 0; n < 60; n++) {
      if (n === 40) optimizer.learningRate = 0.02;
      const value = optimizer.minimize(loss);
      if (n % 20 === 19) losses.push((await read(value))[0]!);
      value.dispose();
      if (n === 0) held = tf.memory().numTensors;
    }
    expect(tf.memory().numTensors).toBe(held);
    expect(losses[2]).toBeLessThan(0.05);
    expect(losses[2]).toBeLessThan(losses[0]! / 10);
    optimizer.dispose();
    tf.dispose([weight, bias]);
  });

  it('leaves variables without decay alone, and those the loss does not use', async () => {
    const [weight, gain] = [tf.variable(tf.ones([2])), tf.variable(tf.ones([2]))];
    const rule = adamW({ learningRate: 0.1, weightDecay: 0.5 });
    const optimizer = new Optimizer([weight, gain], rule, { decay: (variable) => variable === weight });
    optimizer.minimize(() => tf.sum(tf.mul(weight, 0)));
    expect((await read(weight))[0]).toBeCloseTo(0.95, 6);
    expect(Array.from(await read(gain))).toEqual([1, 1]);
    optimizer.dispose();
    tf.dispose([weight, gain]);
  });
});

describe('optimizer errors', () => {
  it('name the rule, the value and both shapes, and change nothing', async () => {
    expect(() => adamW({ beta1: 1 })).toThrow(/adamW: beta1 must lie in \[0, 1\), got 1/);
    expect(() => sgd({ nesterov: true })).toThrow(/nesterov needs a momentum .* got momentum 0/);
    expect(() => sgd({ nesterov: true, momentum: 0.9, dampening: 0.1 })).toThrow(/and dampening 0.1/);
    expect(() => sgd({ dampening: 1.5 })).toThrow(/dampening must lie in \[0, 1\], got 1.5/);
    expect(() => sgd({ learningRate: Number.NaN })).toThrow(/sgd: learningRate must be .* got NaN/);
    expect(() => adam().update(tf.ones([2]), tf.ones([3]), undefined, 1)).toThrow(
      /parameter \[2\] and \[3\]/,
    );
    const variables = [tf.variable(tf.ones([1])), tf.variable(tf.ones([2]))];
    const optimizer = new Optimizer(variables, sgd());
    expect(() => optimizer.step([tf.ones([1]), tf.ones([3])])).toThrow(/sgd: .* parameter \[2\] and \[3\]/);
    expect([optimizer.steps, (await read(variables[0]!))[0]]).toEqual([0, 1]);
    tf.dispose(variables);
    expect(() => new Optimizer([], sgd()).step([tf.ones([2])])).toThrow(
      /one gradient per variable, got 1 for 0/,
    );
  });
});
