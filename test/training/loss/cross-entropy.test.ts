import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { launchedKernels } from '../../../src/compute/launch.js';
import { type NdArray, ndarray } from '../../../src/compute/ndarray.js';
import { seededNormal, seededUniform } from '../../../src/compute/random.js';
import { fromNdArray, read, toNdArray } from '../../../src/compute/read.js';
import { tf } from '../../../src/compute/tf.js';
import { type CrossEntropyOptions, crossEntropy } from '../../../src/training/loss/cross-entropy.js';
import {
  crossEntropyGradientOracle,
  crossEntropyOracle,
  type TargetShareNumbers,
  tokenLossesOracle,
} from '../../../src/training/loss/cross-entropy-oracle.js';
import { crossEntropyErrors } from '../../../src/workbench/golden/bounds/cross-entropy.js';
import { eachBackend } from '../../compute/backends.js';
import { differences, distance, expectWithin, leaked } from '../../support/numeric.js';

/** Random targets, every fifth one ignored. */
function randomTargets(shape: number[], V: number, ignored = -100): NdArray {
  const uniform = seededUniform(7);
  const targets = ndarray(shape);
  for (let n = 0; n < targets.data.length; n++)
    targets.data[n] = n % 5 === 4 ? ignored : Math.floor(V * uniform());
  return targets;
}

const ids = (targets: NdArray) => fromNdArray(targets, 'int32');

describe('the cross-entropy oracle', () => {
  it('is ln V for equal logits and -ln p for known probabilities', () => {
    const even = crossEntropyOracle(ndarray([2, 7]), ndarray([2], [0, 6]));
    expect(even.data[0]).toBeCloseTo(Math.log(7), 14);
    const known = ndarray([1, 3], [Math.log(0.2), Math.log(0.3), Math.log(0.5)]);
    expect(crossEntropyOracle(known, ndarray([1], [1])).data[0]).toBeCloseTo(-Math.log(0.3), 14);
  });

  it.each([{}, { labelSmoothing: 0.3 }, { zLoss: 0.02 }, { labelSmoothing: 0.1, zLoss: 0.5 }])(
    'has the gradient of its own forward pass: %j',
    (shares) => {
      const [logits, targets] = [seededNormal([6, 4], 1), randomTargets([6], 4)];
      const loss = (at: NdArray) => crossEntropyOracle(at, targets, -100, shares);
      const expected = differences(loss, logits, ndarray([], [1.5]));
      const gradient = crossEntropyGradientOracle(logits, targets, 1.5, -100, shares);
      expect(distance(gradient, expected)).toBeLessThan(1e-8);
    },
  );

  it('smooths towards all tokens, the target too, and squares the log of the sum', () => {
    // p = (0.2, 0.3, 0.5), times 4: the log of the sum is ln 4.
    const logits = ndarray([1, 3], [Math.log(0.8), Math.log(1.2), Math.log(2)]);
    const loss = (shares: object) => crossEntropyOracle(logits, ndarray([1], [1]), -100, shares).data[0];
    const all = -(Math.log(0.2) + Math.log(0.3) + Math.log(0.5)) / 3;
    expect(loss({ labelSmoothing: 0.4 })).toBeCloseTo(0.6 * -Math.log(0.3) + 0.4 * all, 14);
    expect(loss({ zLoss: 0.5 })).toBeCloseTo(-Math.log(0.3) + 0.5 * Math.log(4) ** 2, 14);
  });
});

eachBackend((name) => {
  const paths = name === 'webgpu' ? (['fused', 'composed'] as const) : (['composed'] as const);
  for (const path of paths) {
    describe(path, () => {
      beforeEach(() => tf.engine().startScope());
      afterEach(() => tf.engine().endScope());

      const lossOf = (logits: tf.Tensor, targets: tf.Tensor, options: CrossEntropyOptions = {}) =>
        crossEntropy(logits, targets, { ...options, path });

      async function check(
        logits: NdArray,
        targets: NdArray,
        shares: TargetShareNumbers = {},
      ): Promise<void> {
        const bounds = crossEntropyErrors(logits, targets, 1.5, -100, shares);
        const run = (x: tf.Tensor) => lossOf(x, ids(targets), shares);
        const expected = crossEntropyOracle(logits, targets, undefined, shares);
        await expectWithin('loss', run(fromNdArray(logits)), expected, bounds.loss);
        const gradient = tf.grad(run)(fromNdArray(logits), tf.scalar(1.5));
        const slope = crossEntropyGradientOracle(logits, targets, 1.5, undefined, shares);
        await expectWithin('gradient', gradient, slope, bounds.logits!);
      }

      it.each([
        [[13], 5, 1],
        [[2, 3], 1, 1],
        [[1], 700, 3],
        [[64], 97, 30],
        [[3, 5], 33, 1e4],
        [[300], 8, 2],
        [[2], 1030, 1],
        [[3], 50_257, 4],
      ] as [number[], number, number][])(
        'matches the oracle, forward and backward, for %j positions, V = %i, scale %d',
        (shape, V, scale) => check(seededNormal([...shape, V], 1, scale), randomTargets(shape, V)),
      );

      it.each([
        [[13], 5, 1],
        [[2, 3], 1, 1],
        [[3], 1030, 4],
        [[9], 36, 1e4],
      ] as [number[], number, number][])(
        'matches it with label smoothing, z-loss and both, for %j positions, V = %i, scale %d',
        async (shape, V, scale) => {
          const [logits, targets] = [seededNormal([...shape, V], 1, scale), randomTargets(shape, V)];
          for (const shares of [
            { labelSmoothing: 0.1 },
            { labelSmoothing: 1 },
            { zLoss: 1e-3 },
            { labelSmoothing: 0.2, zLoss: 0.3 },
          ]) {
            await check(logits, targets, shares);
          }
        },
      );

      it('is Infinity where smoothing asks for a token of no probability', async () => {
        const hidden = tf.tensor2d([[Number.NEGATIVE_INFINITY, 0, 0, 0]]);
        const target = tf.tensor1d([1], 'int32');
        const loss = async (options: CrossEntropyOptions) =>
          (await read(lossOf(hidden, target, options)))[0]!;
        expect(await loss({ labelSmoothing: 0.1 })).toBe(Number.POSITIVE_INFINITY);
        expect(await loss({ zLoss: 0.5 })).toBeCloseTo(Math.log(3) + 0.5 * Math.log(3) ** 2, 5);
      });

      it('takes logits near the end of the range, and one that is -infinity', async () => {
        await check(ndarray([2, 3], [3e38, -3e38, 1, 0, -1e30, 5].map(Math.fround)), ndarray([2], [0, 2]));
        const hidden = tf.tensor2d([[Number.NEGATIVE_INFINITY, 0, 0]]);
        const loss = async (target: number) =>
          (await read(lossOf(hidden, tf.tensor1d([target], 'int32'))))[0];
        expect(await loss(1)).toBeCloseTo(Math.LN2, 6);
        expect(await loss(0)).toBe(Number.POSITIVE_INFINITY);
      });

      it('gives sums and single losses too', async () => {
        const [logits, targets] = [seededNormal([2, 4, 9], 1), randomTargets([2, 4], 9)];
        const each = tokenLossesOracle(logits, targets);
        const losses = lossOf(fromNdArray(logits), ids(targets), { reduction: 'none' });
        expect(distance(await toNdArray(losses), each)).toBeLessThan(1e-5);
        const total = await read(lossOf(fromNdArray(logits), ids(targets), { reduction: 'sum' }));
        expect(total[0]).toBeCloseTo(
          each.data.reduce((a, b) => a + b),
          4,
        );
      });

      it('weights the gradient of each position by its own cotangent, and none of an id outside', async () => {
        const [logits, targets] = [seededNormal([4, 12], 1), ndarray([4], [3, 0, -100, 12])];
        const dy = ndarray([4], [2, -3, 5, 0]);
        const each = (x: tf.Tensor) => lossOf(x, ids(targets), { reduction: 'none' });
        const gradient = await toNdArray(tf.grad(each)(fromNdArray(logits), fromNdArray(dy)));
        const expected = ndarray([4, 12]);
        for (const n of [0, 1]) {
          const one = ndarray([1, 12], logits.data.subarray(n * 12, (n + 1) * 12));
          const own = crossEntropyGradientOracle(one, ndarray([1], [targets.data[n]!]), dy.data[n]);
          expected.data.set(own.data, n * 12);
        }
        expect(distance(gradient, expected)).toBeLessThan(1e-5);
      });

      it('ignores by any index; where nothing counts the mean is NaN and the gradient zero', async () => {
        const [logits, targets] = [seededNormal([10, 6], 1), randomTargets([10], 6, 2)];
        const loss = await toNdArray(lossOf(fromNdArray(logits), ids(targets), { ignoreIndex: 2 }));
        expect(distance(loss, crossEntropyOracle(logits, targets, 2))).toBeLessThan(1e-5);
        const nothing = tf.fill([3], -100, 'int32');
        expect((await read(lossOf(tf.ones([3, 4]), nothing)))[0]).toBeNaN();
        const gradient = tf.grad((x) => lossOf(x, nothing))(tf.ones([3, 4]));
        expect(Array.from(await read(gradient))).toEqual(new Array(12).fill(0));
      });

      it('keeps NaN logits in their row, and never counts a target outside the vocabulary as right', async () => {
        const logits = tf.tensor2d([
          [Number.NaN, 1],
          [0, 0],
          [0, 0],
          [0, 0],
        ]);
        const losses = await read(lossOf(logits, tf.tensor1d([0, 1, 2, -1], 'int32'), { reduction: 'none' }));
        expect(losses[0]).toBeNaN();
        expect(losses[1]).toBeCloseTo(Math.LN2, 6);
        expect([losses[2], losses[3]]).toEqual([Number.NaN, Number.NaN]);
      });

      it('takes no positions at all', async () => {
        const none = tf.zeros([0], 'int32');
        expect((await read(lossOf(tf.zeros([0, 5]), none)))[0]).toBeNaN();
        expect(tf.grad((x) => lossOf(x, none))(tf.zeros([0, 5])).shape).toEqual([0, 5]);
      });

      it('leaves no tensors behind', () => {
        const [logits, targets] = [tf.ones([4, 8]), tf.zeros([4], 'int32')];
        expect(leaked(() => lossOf(logits, targets))).toBe(0);
        const shares = { labelSmoothing: 0.1, zLoss: 0.1 };
        expect(leaked(() => tf.grad((x) => lossOf(x, targets, shares))(logits))).toBe(0);
        expect(leaked(() => tf.grad((x) => lossOf(x, targets))(logits))).toBe(0);
      });
    });
  }

  if (name === 'webgpu') {
    it('takes the fused kernels unless told otherwise, and skips the rows of ignored positions', async () => {
      const launched = launchedKernels();
      launched.reset();
      const [logits, targets] = [tf.fill([2, 8], Number.NaN), tf.fill([2], -100, 'int32')];
      const loss = (x: tf.Tensor) => crossEntropy(x, targets, { reduction: 'sum' });
      expect((await read(loss(logits)))[0]).toBe(0);
      expect(Array.from(await read(tf.grad(loss)(logits)))).toEqual(new Array(16).fill(0));
      expect(launched.list()).toEqual(['crossEntropy.forward', 'crossEntropy.backward']);
      tf.dispose([logits, targets]);
    });
  } else {
    it('refuses the fused path by name', () => {
      expect(() => crossEntropy(tf.ones([2, 4]), tf.zeros([2], 'int32'), { path: 'fused' })).toThrow(
        /crossEntropy: path 'fused' needs/,
      );
    });
  }
});

describe('cross-entropy errors', () => {
  it('name the shapes, the dtypes and what to do', () => {
    const logits = tf.ones([2, 3, 5]);
    expect(() => crossEntropy(logits, tf.zeros([2], 'int32'))).toThrow(/logits \[2,3,5\] and targets \[2\]/);
    expect(() => crossEntropy(logits, tf.zeros([2, 3]))).toThrow(
      /crossEntropy: targets must be an int32.*got float32/,
    );
    expect(() => crossEntropy(tf.ones([2, 0]), tf.zeros([2], 'int32'))).toThrow(/V = 0 in logits \[2,0\]/);
    const targets = tf.zeros([2, 3], 'int32');
    expect(() => crossEntropy(logits, targets, { labelSmoothing: 1.1 })).toThrow(/labelSmoothing .* got 1.1/);
    expect(() => crossEntropy(logits, targets, { zLoss: -1 })).toThrow(/zLoss must be .* got -1/);
    expect(() => crossEntropy(logits, tf.zeros([2, 3], 'int32'), { reduction: 'max' as 'sum' })).toThrow(
      /reduction must be .* got "max"/,
    );
  });
});
