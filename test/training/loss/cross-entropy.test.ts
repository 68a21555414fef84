import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { launchedKernels } from '../../../src/compute/launch.js';
import { type NdArray, ndarray } from '../../../src/compute/ndarray.js';
import { seededNormal, seededUniform } from '../../../src/compute/random.js';
import { fromNdArray, read, toNdArray } from '../../../src/compute/read.js';
import { tf } from '../../../src/compute/tf.js';
import {
  bitsPerByte,
  type CrossEntropyOptions,
  crossEntropy,
  perplexity,
  tokenAccuracy,
} from '../../../src/training/loss/cross-entropy.js';
import {
  crossEntropyGradientOracle,
  crossEntropyOracle,
  tokenLossesOracle,
} from '../../../src/training/loss/cross-entropy-oracle.js';
import { crossEntropyErrors, perplexityErrors } from '../../../src/workbench/golden/bounds/cross-entropy.js';
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

  it('has the gradient of its own forward pass', () => {
    const [logits, targets] = [seededNormal([6, 4], 1), randomTargets([6], 4)];
    const expected = differences((at) => crossEntropyOracle(at, targets), logits, ndarray([], [1.5]));
    expect(distance(crossEntropyGradientOracle(logits, targets, 1.5), expected)).toBeLessThan(1e-8);
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

      async function check(logits: NdArray, targets: NdArray): Promise<void> {
        const bounds = crossEntropyErrors(logits, targets, 1.5, -100);
        const run = (x: tf.Tensor) => lossOf(x, ids(targets));
        await expectWithin(
          'loss',
          run(fromNdArray(logits)),
          crossEntropyOracle(logits, targets),
          bounds.loss,
        );
        const gradient = tf.grad(run)(fromNdArray(logits), tf.scalar(1.5));
        await expectWithin(
          'gradient',
          gradient,
          crossEntropyGradientOracle(logits, targets, 1.5),
          bounds.logits!,
        );
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
        expect((await read(perplexity(tf.ones([3, 4]), nothing)))[0]).toBeNaN();
        expect((await read(tokenAccuracy(tf.ones([3, 4]), nothing)))[0]).toBeNaN();
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
        expect((await read(tokenAccuracy(tf.zeros([0, 5]), none)))[0]).toBeNaN();
        expect(tf.grad((x) => lossOf(x, none))(tf.zeros([0, 5])).shape).toEqual([0, 5]);
      });

      it('perplexity is exp of the loss; accuracy pools over what counts', async () => {
        const [logits, targets] = [seededNormal([12, 8], 1), randomTargets([12], 8)];
        const expected = ndarray([], [Math.exp(crossEntropyOracle(logits, targets).data[0]!)]);
        const bounds = perplexityErrors(logits, targets, -100);
        await expectWithin('perplexity', perplexity(fromNdArray(logits), ids(targets)), expected, bounds);
        const right = tf.tensor2d([
          [0, 2],
          [3, 1],
          [0, 1],
          [5, 1],
        ]);
        const accuracy = tokenAccuracy(right, tf.tensor1d([1, 0, 0, -100], 'int32'));
        expect((await read(accuracy))[0]).toBeCloseTo(2 / 3, 6);
      });

      it('leaves no tensors behind', () => {
        const [logits, targets] = [tf.ones([4, 8]), tf.zeros([4], 'int32')];
        expect(leaked(() => lossOf(logits, targets))).toBe(0);
        expect(leaked(() => perplexity(logits, targets))).toBe(0);
        expect(leaked(() => tokenAccuracy(logits, targets))).toBe(0);
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

describe('bitsPerByte', () => {
  it('counts bytes of UTF-8, not tokens or characters', () => {
    expect(bitsPerByte(8 * Math.LN2, 'four')).toBeCloseTo(2, 14);
    expect(bitsPerByte(6 * Math.LN2, '你好')).toBeCloseTo(1, 14);
    expect(bitsPerByte(6 * Math.LN2, 3)).toBeCloseTo(2, 14);
    expect(() => bitsPerByte(1, '')).toThrow(/at least one byte, got 0/);
    expect(() => bitsPerByte(-1, 'a')).toThrow(/nats must be .* got -1/);
  });
});

describe('cross-entropy errors', () => {
  it('name the shapes, the dtypes and what to do', () => {
    const logits = tf.ones([2, 3, 5]);
    expect(() => crossEntropy(logits, tf.zeros([2], 'int32'))).toThrow(/logits \[2,3,5\] and targets \[2\]/);
    expect(() => perplexity(logits, tf.zeros([2, 3]))).toThrow(
      /perplexity: targets must be an int32.*got float32/,
    );
    expect(() => tokenAccuracy(tf.ones([2, 0]), tf.zeros([2], 'int32'))).toThrow(/V = 0 in logits \[2,0\]/);
    expect(() => crossEntropy(logits, tf.zeros([2, 3], 'int32'), { reduction: 'max' as 'sum' })).toThrow(
      /reduction must be .* got "max"/,
    );
  });
});
