/** RMSProp, AdaGrad, Lion, Adafactor and Muon: by hand, against their oracles, and where inputs are unusual. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type HalfVariable, halfVariable, toFloat, toHalf } from '../../../src/compute/half/index.js';
import { type NdArray, ndarray } from '../../../src/compute/ndarray.js';
import { seededNormal } from '../../../src/compute/random.js';
import { fromNdArray, read, toNdArray } from '../../../src/compute/read.js';
import { tf } from '../../../src/compute/tf.js';
import { adaGrad } from '../../../src/training/optimizer/ada-grad.js';
import { adafactor } from '../../../src/training/optimizer/adafactor.js';
import { lion } from '../../../src/training/optimizer/lion.js';
import {
  adafactorOracle,
  muonOracle,
  newtonSchulzOracle,
} from '../../../src/training/optimizer/matrix-oracle.js';
import { muon, muonRateFactor } from '../../../src/training/optimizer/muon.js';
import { newtonSchulz } from '../../../src/training/optimizer/newton-schulz.js';
import { Optimizer } from '../../../src/training/optimizer/optimizer.js';
import {
  adaGradOracle,
  lionOracle,
  rmsPropOracle,
} from '../../../src/training/optimizer/optimizer-oracle.js';
import { rmsProp } from '../../../src/training/optimizer/rms-prop.js';
import type { UpdateRule } from '../../../src/training/optimizer/rules.js';
import {
  adaGradErrors,
  lionErrors,
  rmsPropErrors,
} from '../../../src/workbench/golden/bounds/adaptive-optimizer.js';
import {
  adafactorErrors,
  muonErrors,
  newtonSchulzErrors,
} from '../../../src/workbench/golden/bounds/matrix-optimizer.js';
import { type Bounded, exact } from '../../../src/workbench/golden/running-error.js';
import { eachBackend } from '../../compute/backends.js';
import { distance, expectWithin } from '../../support/numeric.js';

const one = (value: number) => ndarray([1], [value]);

describe('the oracles', () => {
  it('take steps that can be done by hand', () => {
    const rms = { learningRate: 1, alpha: 0.75, eps: 0.5 };
    // The mean square is 0.25 * 16; less the square of the mean, 1, it is 3.
    expect(rmsPropOracle(one(0), [one(4)], rms).data[0]).toBeCloseTo(-4 / 2.5, 14);
    const centered = { ...rms, centered: true };
    expect(rmsPropOracle(one(0), [one(4)], centered).data[0]).toBeCloseTo(-4 / (Math.sqrt(3) + 0.5), 14);
    // The second square is 3 + 0.25 * 16 = 7.
    const moving = { ...rms, momentum: 0.5 };
    const [first, second] = [4 / 2.5, 4 / (Math.sqrt(7) + 0.5)];
    expect(rmsPropOracle(one(0), [one(4), one(4)], moving).data[0]).toBeCloseTo(
      -first - (0.5 * first + second),
      13,
    );
    const ada = { learningRate: 1, initialAccumulator: 9, learningRateDecay: 1, eps: 1, weightDecay: 0 };
    // 4 / (5 + 1), then half of 12 / (13 + 1).
    expect(adaGradOracle(one(0), [one(4), one(12)], ada).data[0]).toBeCloseTo(-4 / 6 - 6 / 14, 14);
    expect(adaGradOracle(one(2), [one(2)], { ...ada, weightDecay: 1 }).data[0]).toBeCloseTo(2 - 4 / 6, 14);
    const sign = { learningRate: 0.5, beta1: 0.5, beta2: 0.75, weightDecay: 0.5 };
    // The momentum is 1, the mix of the second step 0.5 - 0.25.
    expect(lionOracle(one(1), [one(4), one(-0.5)], sign).data[0]).toBeCloseTo((0.75 - 0.5) * 0.75 - 0.5, 14);
    expect(lionOracle(one(1), [one(0)], { learningRate: 0.5 }).data[0]).toBe(1);
  });

  it('of Adafactor has an outer product for the second moment, which is exact for squares of rank one', () => {
    const [r, c] = [
      [1, 2],
      [3, 1, 2],
    ];
    const gradient = ndarray(
      [2, 3],
      r.flatMap((x) => c.map((y) => x * y)),
    );
    // Every update is then 1: not clipped by d = 1, and the step is the parameter's size times 1 / sqrt(1) at most.
    const start = ndarray([2, 3], [3, 3, 3, 3, 3, 3]);
    const step = { learningRate: 0.5, eps1: 0, weightDecay: 0.1 };
    for (const value of adafactorOracle(start, [gradient], step).data) {
      expect(value).toBeCloseTo(3 * (1 - 0.05) - 0.5 * 3, 12);
    }
    // A vector's moment is its square; in step 2 half of the root mean square 3 is above 1 / sqrt(2).
    const vector = adafactorOracle(one(3), [one(-7)], { learningRate: 0.5 });
    expect(vector.data[0]).toBeCloseTo(3 + 1.5, 12);
    const twice = adafactorOracle(one(3), [one(-7), one(-7)], { learningRate: 1 });
    expect(twice.data[0]).toBeCloseTo(6 + 6 / Math.SQRT2, 12);
    // A mean below eps1 is raised to it: 40 * 40 / 10 instead of 40 * 40 / 4.
    const single = ndarray([10, 10]);
    single.data[37] = 20;
    const raised = adafactorOracle(ndarray([10, 10]), [single], { learningRate: 1, eps1: 10, eps2: 1, d: 9 });
    expect(raised.data[37]).toBeCloseTo(-20 / Math.sqrt(160), 12);
    const far = adafactorOracle(one(0), [one(1)], { learningRate: 5, eps2: 0.25 });
    expect(far.data[0]).toBeCloseTo(-0.25, 12);
    const batch = ndarray([2, 2, 3], [...gradient.data, ...gradient.data.map((x) => 5 * x)]);
    const both = adafactorOracle(ndarray([2, 2, 3], new Array(12).fill(3)), [batch], { ...step, d: 1 });
    for (const value of both.data) expect(value).toBeCloseTo(3 * (1 - 0.05) - 0.5 * 3, 12);
  });

  it('of Muon leaves the singular vectors and maps the values by the polynomial', () => {
    const phi = (s: number) => 3.4445 * s - 4.775 * s ** 3 + 2.0315 * s ** 5;
    const diagonal = newtonSchulzOracle(ndarray([2, 3], [3, 0, 0, 0, -4, 0]), { steps: 2 });
    [phi(phi(0.6)), 0, 0, 0, -phi(phi(0.8)), 0].forEach((value, n) => {
      expect(diagonal.data[n]).toBeCloseTo(value, 12);
    });
    const near = newtonSchulzOracle(seededNormal([4, 7], 1));
    for (let r = 0; r < 4; r++) {
      const norm = near.data.subarray(7 * r, 7 * r + 7).reduce((sum, value) => sum + value * value, 0);
      expect(norm).toBeGreaterThan(0.45);
      expect(norm).toBeLessThan(1.5);
    }
    const small = { learningRate: 0.5, momentum: 0, weightDecay: 0.2, steps: 1 };
    const step = muonOracle(ndarray([2, 1], [1, 2]), [ndarray([2, 1], [3, 4])], small);
    const moved = 0.5 * Math.SQRT2 * phi(1);
    expect(step.data[0]).toBeCloseTo(0.9 - moved * 0.6, 12);
    expect(step.data[1]).toBeCloseTo(1.8 - moved * 0.8, 12);
  });
});

/** A rule with its oracle and bounds. */
interface Checked {
  readonly rule: UpdateRule;
  oracle(start: NdArray, gradients: NdArray[]): NdArray;
  errors(start: NdArray, gradients: NdArray[]): Bounded;
}

const rms = { learningRate: 0.02, alpha: 0.9, eps: 1e-6, weightDecay: 0.1 };
const ada = {
  learningRate: 0.1,
  learningRateDecay: 0.1,
  initialAccumulator: 0.2,
  eps: 0.01,
  weightDecay: 0.05,
};
const signs = { learningRate: 0.03, beta1: 0.8, beta2: 0.95, weightDecay: 0.2 };
const factors = { learningRate: 0.1, eps1: 1e-15, d: 1, weightDecay: 0.1 };
const newton = { learningRate: 0.05, momentum: 0.9, weightDecay: 0.1 };

function checked<Options>(
  make: (options: Options) => UpdateRule,
  oracle: (start: NdArray, gradients: NdArray[], options: Options) => NdArray,
  errors: (start: NdArray, gradients: NdArray[], options: Options) => Bounded,
  options: Options,
): Checked {
  return {
    // Made by the test, which then tells what is wrong with it.
    get rule() {
      return make(options);
    },
    oracle: (start, gradients) => oracle(start, gradients, options),
    errors: (start, gradients) => errors(start, gradients, options),
  };
}

const elementwise: Record<string, Checked> = {
  rmsProp: checked(rmsProp, rmsPropOracle, rmsPropErrors, rms),
  'rmsProp, centered, with momentum': checked(rmsProp, rmsPropOracle, rmsPropErrors, {
    ...rms,
    centered: true,
    momentum: 0.7,
  }),
  adaGrad: checked(adaGrad, adaGradOracle, adaGradErrors, ada),
  lion: checked(lion, lionOracle, lionErrors, signs),
  adafactor: checked(adafactor, adafactorOracle, adafactorErrors, factors),
};

const ofMatrices: Record<string, Checked> = {
  ...elementwise,
  'adafactor, clipped later': checked(adafactor, adafactorOracle, adafactorErrors, { ...factors, d: 1.5 }),
  'adafactor, its rate bounded by the step': checked(adafactor, adafactorOracle, adafactorErrors, {
    learningRate: 1,
    weightDecay: 0.1,
  }),
  muon: checked(muon, muonOracle, muonErrors, newton),
  'muon without Nesterov, as large as AdamW': checked(muon, muonOracle, muonErrors, {
    ...newton,
    nesterov: false,
    adjustment: 'match_rms_adamw',
  }),
};

eachBackend((name) => {
  beforeEach(() => tf.engine().startScope());
  afterEach(() => tf.engine().endScope());

  async function check({ rule, oracle, errors }: Checked, shape: number[]): Promise<void> {
    const start = seededNormal(shape, 9);
    const gradients = [1, 2, 3, 4, 5].map((seed) => seededNormal(shape, seed));
    const variable = tf.variable(fromNdArray(start));
    const optimizer = new Optimizer([variable], rule);
    for (const gradient of gradients) optimizer.step([fromNdArray(gradient)]);
    const expected = oracle(start, gradients);
    await expectWithin(`${rule.name} [${shape}]`, variable, expected, errors(start, gradients));
    // The bound of Muon is wide: it allows for the worst case in every product.
    if (expected.data.length > 0) expect(distance(await toNdArray(variable), expected)).toBeLessThan(2e-5);
    optimizer.dispose();
    variable.dispose();
  }

  it.each(Object.entries(ofMatrices))('%s takes the steps of the oracle on matrices', async (_name, rule) => {
    for (const shape of [
      [3, 5],
      [8, 4],
      [1, 7],
      [6, 1],
      [1, 1],
      [33, 17],
      [0, 3],
    ])
      await check(rule, shape);
  });

  it.each(Object.entries(elementwise))('%s takes them on other shapes', async (_name, rule) => {
    for (const shape of [[7], [1], [0], [2, 3, 4], []]) await check(rule, shape);
  });

  it('Newton-Schulz is within its bound, and leaves nothing where there is nothing', async () => {
    for (const [R, C, scale] of [
      [5, 9, 1],
      [9, 5, 1e-6],
      [40, 40, 1e6],
    ] as const) {
      const matrix = seededNormal([R, C], 1, scale);
      const bounds = newtonSchulzErrors(exact(matrix));
      await expectWithin(`${R}x${C}`, newtonSchulz(fromNdArray(matrix)), newtonSchulzOracle(matrix), bounds);
      expect(Math.max(...bounds.error.data)).toBeLessThan(0.1);
    }
    expect(Array.from(await read(newtonSchulz(tf.zeros([2, 2]))))).toEqual([0, 0, 0, 0]);
    expect(newtonSchulz(tf.zeros([0, 2])).shape).toEqual([0, 2]);
    const exactly = newtonSchulz(tf.eye(2), { steps: 1, coefficients: [1, 0, 0] });
    expect((await read(exactly))[0]).toBeCloseTo(Math.SQRT1_2, 6);
  });

  it.each(Object.entries(elementwise))(
    '%s keeps NaN in its place, or spreads it',
    async (_name, { rule }) => {
      const gradient = tf.tensor1d([1, Number.NaN, -2]);
      const { parameter } = rule.update(tf.ones([3]), gradient, undefined, 1);
      const y = await read(parameter);
      expect(y[1]).toBeNaN();
      if (rule.name !== 'adafactor') expect([y[0], y[2]].every(Number.isFinite)).toBe(true);
    },
  );

  it.each(Object.entries(ofMatrices))('%s stays where there is no gradient', async (_name, { rule }) => {
    const still = { ...rule.update(tf.ones([2, 2]), tf.zeros([2, 2]), undefined, 1, undefined, false) };
    expect(Array.from(await read(still.parameter))).toEqual([1, 1, 1, 1]);
  });

  it.each(Object.entries(ofMatrices))('%s decays only where it is told to', async (_name, { rule }) => {
    const moved = async (decay: boolean) =>
      (await read(rule.update(tf.fill([2, 2], 4), tf.eye(2), undefined, 1, 0.01, decay).parameter))[1]!;
    expect((await moved(true)) - (await moved(false))).toBeLessThan(-1e-4);
  });

  it('takes half parameters too, by their float32 copies', async () => {
    const variable: HalfVariable = halfVariable(toHalf(tf.ones([2, 3])));
    const optimizer = new Optimizer([variable], muon({ learningRate: 1e-4, weightDecay: 0 }));
    for (let n = 0; n < 20; n++) optimizer.step([toHalf(fromNdArray(seededNormal([2, 3], 1)))]);
    expect((await read(toFloat(variable))).some((value) => value !== 1)).toBe(true);
    optimizer.dispose();
    tf.dispose(variable);
  });

  it('holds memory flat', () => {
    for (const { rule } of Object.values(ofMatrices)) {
      const variable = tf.variable(tf.ones([3, 4]));
      const optimizer = new Optimizer([variable], rule);
      const step = () => {
        const gradient = tf.ones([3, 4]);
        optimizer.step([gradient]);
        gradient.dispose();
      };
      step();
      const held = tf.memory().numTensors;
      step();
      step();
      expect(tf.memory().numTensors, `${name}, ${rule.name}`).toBe(held);
      optimizer.dispose();
      variable.dispose();
    }
  });
});

describe('errors of the rules', () => {
  it('name the option and the value, or the shape', () => {
    expect(() => rmsProp({ alpha: 1 })).toThrow(/rmsProp: alpha must lie in \[0, 1\), got 1/);
    expect(() => adaGrad({ eps: -1 })).toThrow(/adaGrad: eps must be .* got -1/);
    expect(() => lion({ beta2: -0.1 })).toThrow(/lion: beta2 must lie in \[0, 1\), got -0.1/);
    expect(() => adafactor({ beta2Decay: 0.8 })).toThrow(/beta2Decay must be .* <= 0, got 0.8/);
    expect(() => adafactor({ d: 0.5 })).toThrow(/d must be a number >= 1, got 0.5/);
    expect(() => muon({ adjustment: 'other' as 'original' })).toThrow(/adjustment must be .* got "other"/);
    expect(() => muon().update(tf.ones([3]), tf.ones([3]), undefined, 1)).toThrow(
      /adamW.*\[R,C\].*got \[3\]/,
    );
    expect(() => newtonSchulz(tf.ones([2, 2]), { steps: 1.5 })).toThrow(/steps must be .* got 1.5/);
    expect(() => newtonSchulz(tf.ones([2]))).toThrow(/must be \[R,C\]/);
  });

  it('Muon moves a tall matrix more, or all as much as AdamW', () => {
    expect(muonRateFactor([8, 2], 'original')).toBe(2);
    expect(muonRateFactor([2, 8], 'original')).toBe(1);
    expect(muonRateFactor([4, 25], 'match_rms_adamw')).toBeCloseTo(1, 14);
    expect(muonRateFactor([0, 0], 'original')).toBe(1);
  });
});
