import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { read } from '../../../src/compute/read.js';
import { tf } from '../../../src/compute/tf.js';
import { GroupedOptimizer, splitByDecay } from '../../../src/training/optimizer/groups.js';
import { muon } from '../../../src/training/optimizer/muon.js';
import { Optimizer } from '../../../src/training/optimizer/optimizer.js';
import { adamW, sgd } from '../../../src/training/optimizer/rules.js';
import { eachBackend } from '../../compute/backends.js';

const list = async (tensor: tf.Tensor) => Array.from(await read(tensor));

eachBackend(() => {
  beforeEach(() => tf.engine().startScope());
  afterEach(() => tf.engine().endScope());

  it('gives every group its own rule, rate and decay, and a schedule scales all', async () => {
    const [weight, gain] = [tf.variable(tf.ones([2, 2])), tf.variable(tf.ones([2]))];
    const { decayed, undecayed } = splitByDecay([gain, weight]);
    expect([decayed, undecayed]).toEqual([[weight], [gain]]);
    const optimizer = new GroupedOptimizer([
      { variables: decayed, rule: adamW({ learningRate: 0.1, weightDecay: 0.5 }) },
      { variables: undecayed, rule: sgd({ learningRate: 0.01 }) },
    ]);
    optimizer.factor = 0.5;
    optimizer.step([tf.zeros([2, 2]), tf.ones([2])]);
    expect((await list(weight))[0]).toBeCloseTo(1 - 0.05 * 0.5, 6);
    expect((await list(gain))[0]).toBeCloseTo(1 - 0.005, 6);
    expect(optimizer.steps).toBe(1);
    optimizer.dispose();
    tf.dispose([weight, gain]);
  });

  it('minimizes a loss by one backward pass, clipped over all groups, holding memory flat', async () => {
    const [weight, bias, unused] = [
      tf.variable(tf.fill([2, 1], 3)),
      tf.variable(tf.fill([1], 4)),
      tf.variable(tf.ones([1])),
    ];
    const optimizer = new GroupedOptimizer([
      { variables: [weight], rule: sgd({ learningRate: 1 }) },
      { variables: [bias, unused], rule: sgd({ learningRate: 1 }) },
    ]);
    // Gradients of 3, 0 and 4.
    const loss = () => tf.add(tf.mul(tf.sum(weight), 3), tf.mul(tf.sum(bias), 4));
    const run = (maxNorm?: number) => {
      const made = optimizer.minimize(loss, { maxNorm });
      return made;
    };
    const first = run(1);
    const length = Math.sqrt(9 + 9 + 16);
    expect((await list(first.loss))[0]).toBeCloseTo(18 + 16, 4);
    expect((await list(first.gradientNorm!))[0]).toBeCloseTo(length, 5);
    expect((await list(weight))[0]).toBeCloseTo(3 - 3 / length, 5);
    expect((await list(bias))[0]).toBeCloseTo(4 - 4 / length, 5);
    expect(await list(unused)).toEqual([1]);
    tf.dispose([first.loss, first.gradientNorm!]);
    const held = tf.memory().numTensors;
    const second = run();
    expect(second.gradientNorm).toBeUndefined();
    second.loss.dispose();
    expect(tf.memory().numTensors).toBe(held);
    expect((await list(bias))[0]).toBeCloseTo(4 - 4 / length - 4, 5);
    optimizer.dispose();
    tf.dispose([weight, bias, unused]);
  });

  it('takes Muon for matrices and AdamW for the rest, as the two alone would', async () => {
    const make = () => [tf.variable(tf.fill([2, 3], 0.5)), tf.variable(tf.ones([3]))] as const;
    const [[weight, gain], [weight2, gain2]] = [make(), make()];
    const gradients = [
      tf.tensor2d([
        [1, 2, 3],
        [3, 1, -2],
      ]),
      tf.tensor1d([1, -1, 2]),
    ];
    const rules = [muon({ learningRate: 0.1 }), adamW({ learningRate: 0.1, weightDecay: 0 })] as const;
    const both = new GroupedOptimizer([
      { variables: [weight], rule: rules[0] },
      { variables: [gain], rule: rules[1] },
    ]);
    const alone = [new Optimizer([weight2], rules[0]), new Optimizer([gain2], rules[1])];
    for (let n = 0; n < 3; n++) {
      both.step(gradients);
      alone.forEach((optimizer, k) => {
        optimizer.step([gradients[k]!]);
      });
    }
    expect(await list(weight)).toEqual(await list(weight2));
    expect(await list(gain)).toEqual(await list(gain2));
    for (const optimizer of [both, ...alone]) optimizer.dispose();
    tf.dispose([weight, gain, weight2, gain2]);
  });
});

describe('errors of groups', () => {
  it('name the variable that is in two, and the number of gradients', () => {
    const variable = tf.variable(tf.ones([2]), true, 'shared');
    const group = { variables: [variable], rule: sgd() };
    expect(() => new GroupedOptimizer([group, group])).toThrow(/'shared' is in two groups/);
    expect(() => new GroupedOptimizer([group]).step([])).toThrow(/got 0 for 1/);
    expect(new GroupedOptimizer([]).steps).toBe(0);
    variable.dispose();
  });
});
