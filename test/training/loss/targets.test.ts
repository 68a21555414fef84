/** Losses that say what their targets are: next tokens, answers, hidden tokens, whole sequences, micro-batches. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type NdArray, ndarray } from '../../../src/compute/ndarray.js';
import { seededNormal } from '../../../src/compute/random.js';
import { fromNdArray, read, toNdArray } from '../../../src/compute/read.js';
import { tf } from '../../../src/compute/tf.js';
import {
  accumulatedLoss,
  accumulateGradients,
  countTargets,
} from '../../../src/training/loss/accumulation.js';
import { crossEntropy } from '../../../src/training/loss/cross-entropy.js';
import {
  crossEntropyGradientOracle,
  crossEntropyOracle,
  tokenLossesOracle,
} from '../../../src/training/loss/cross-entropy-oracle.js';
import { maskedLmLoss } from '../../../src/training/loss/masked-lm.js';
import { nextTokenTargets } from '../../../src/training/loss/next-token.js';
import { sequenceNll } from '../../../src/training/loss/sequence-nll.js';
import { sftLoss } from '../../../src/training/loss/sft-loss.js';
import { eachBackend } from '../../compute/backends.js';
import { distance, leaked } from '../../support/numeric.js';

const int = (values: number[], shape = [values.length]) => tf.tensor(values, shape, 'int32');
const list = async (tensor: tf.Tensor) => Array.from(await read(tensor));

eachBackend((name) => {
  beforeEach(() => tf.engine().startScope());
  afterEach(() => tf.engine().endScope());

  describe('next tokens', () => {
    it('are one place to the left, with nothing after the last', async () => {
      expect(await list(nextTokenTargets(int([5, 6, 7, 8, 9, 4], [2, 3])))).toEqual([6, 7, -100, 9, 4, -100]);
      expect(await list(nextTokenTargets(int([5, 6]), { ignoreIndex: 0 }))).toEqual([6, 0]);
      expect(await list(nextTokenTargets(int([5])))).toEqual([-100]);
      expect(nextTokenTargets(tf.zeros([2, 0], 'int32')).shape).toEqual([2, 0]);
    });

    it('are answers only, and never of another sequence', async () => {
      const ids = int([1, 2, 3, 4, 5, 6, 7]);
      const lossMask = int([1, 0, 1, 1, 1, 1, 1]);
      const cuSeqLens = [0, 3, 3, 4, 7];
      const expected = [-100, 3, -100, -100, 6, 7, -100];
      expect(await list(nextTokenTargets(ids, { lossMask, cuSeqLens }))).toEqual(expected);
      const asTensors = { lossMask: lossMask.toFloat(), cuSeqLens: int(cuSeqLens) };
      expect(await list(nextTokenTargets(ids, asTensors))).toEqual(expected);
      expect(await list(nextTokenTargets(ids, { lossMask: tf.notEqual(lossMask, int([0])) }))).toEqual([
        -100, 3, 4, 5, 6, 7, -100,
      ]);
    });
  });

  it('the loss of answers is that of their positions, packed as padded, forward and backward', async () => {
    const [V, T] = [6, 5];
    const logits = seededNormal([2, T, V], 1);
    const ids = ndarray([2, T], [1, 2, 3, 4, 5, 5, 4, 3, 0, 0]);
    const mask = ndarray([2, T], [1, 0, 1, 1, 0, 0, 1, 1, 0, 0]);
    const targets = ndarray([2, T], [-100, 3, 4, -100, -100, 4, 3, -100, -100, -100]);
    const loss = (x: tf.Tensor) => sftLoss(x, fromNdArray(ids, 'int32'), fromNdArray(mask, 'int32'));
    expect(
      distance(await toNdArray(loss(fromNdArray(logits))), crossEntropyOracle(logits, targets)),
    ).toBeLessThan(1e-6);
    const gradient = await toNdArray(tf.grad(loss)(fromNdArray(logits)));
    expect(distance(gradient, crossEntropyGradientOracle(logits, targets))).toBeLessThan(1e-6);
    // The same two sequences, of 5 and 3 tokens, in one row.
    const packed = (array: NdArray, width: number) =>
      ndarray(width === 1 ? [8] : [8, width], array.data.subarray(0, 8 * width));
    const one = sftLoss(
      fromNdArray(packed(logits, V)),
      fromNdArray(packed(ids, 1), 'int32'),
      fromNdArray(packed(mask, 1), 'int32'),
      { cuSeqLens: [0, 5, 8] },
    );
    expect((await list(one))[0]).toBeCloseTo((await list(loss(fromNdArray(logits))))[0]!, 6);
  });

  it('a masked language model is asked for the token at its own place', async () => {
    const [logits, labels] = [seededNormal([2, 3, 4], 1), ndarray([2, 3], [-100, 2, -100, 0, -100, 3])];
    const loss = maskedLmLoss(fromNdArray(logits), fromNdArray(labels, 'int32'), { labelSmoothing: 0.2 });
    const expected = crossEntropyOracle(logits, labels, -100, { labelSmoothing: 0.2 });
    expect(distance(await toNdArray(loss), expected)).toBeLessThan(1e-6);
  });

  it('sequences are summed or averaged over what counts, each with its own cotangent', async () => {
    const logits = seededNormal([3, 4, 5], 1);
    const labels = ndarray([3, 4], [1, 2, 3, 4, 0, -100, 1, 1, 2, 2, 2, 2]);
    const mask = ndarray([3, 4], [1, 1, 0, 1, 1, 1, 0, 0, 0, 0, 0, 0]);
    const targets = ndarray([3, 4], [1, 2, -100, 4, 0, -100, -100, -100, -100, -100, -100, -100]);
    const losses = tokenLossesOracle(logits, targets).data;
    const sums = [losses[0]! + losses[1]! + losses[3]!, losses[4]!, 0];
    const options = { mask: fromNdArray(mask, 'int32') };
    const given = fromNdArray(labels, 'int32');
    const total = await list(sequenceNll(fromNdArray(logits), given, options));
    for (const [n, sum] of sums.entries()) expect(total[n]).toBeCloseTo(sum, 5);
    const mean = (x: tf.Tensor) => sequenceNll(x, given, { ...options, average: true });
    const means = await list(mean(fromNdArray(logits)));
    expect(means[0]).toBeCloseTo(sums[0]! / 3, 5);
    expect(means[1]).toBeCloseTo(sums[1]!, 5);
    expect(means[2]).toBeNaN();
    const gradient = await toNdArray(tf.grad(mean)(fromNdArray(logits), tf.tensor1d([3, -2, 1])));
    const expected = crossEntropyGradientOracle(logits, targets, 4);
    expected.data.forEach((value, n) => {
      expected.data[n] = value * (n < 20 ? 1 : -2);
    });
    expect(distance(gradient, expected)).toBeLessThan(1e-5);
    const unmasked = await list(sequenceNll(fromNdArray(logits), given));
    const whole = tokenLossesOracle(logits, labels).data;
    expect(unmasked[1]).toBeCloseTo(whole[4]! + whole[6]! + whole[7]!, 5);
  });

  describe('a batch in micro-batches', () => {
    const counts = [4, 1, 0];
    const x = seededNormal([3, 4, 3], 1);
    const targets = ndarray([3, 4], [0, 1, 4, 2, 3, -100, -100, -100, -100, -100, -100, -100]);
    const w = seededNormal([5, 3], 2);

    it('has the loss and the gradients of the whole batch, not the mean of means', async () => {
      const weight = tf.variable(fromNdArray(w));
      const sumOf = (m: number) =>
        tf.tidy(() => {
          const part = tf.slice(fromNdArray(x) as tf.Tensor3D, [m, 0, 0], [1, 4, 3]).reshape([4, 3]);
          const wanted = tf.slice(fromNdArray(targets, 'int32') as tf.Tensor2D, [m, 0], [1, 4]).reshape([4]);
          const logits = tf.matMul(part as tf.Tensor2D, weight as unknown as tf.Tensor2D, false, true);
          return crossEntropy(logits, wanted, { reduction: 'sum' });
        });
      const whole = () =>
        tf.tidy(() => {
          const rows = tf.reshape(fromNdArray(x), [12, 3]) as tf.Tensor2D;
          const logits = tf.matMul(rows, weight as unknown as tf.Tensor2D, false, true);
          return crossEntropy(logits, tf.reshape(fromNdArray(targets, 'int32'), [12]));
        }) as tf.Scalar;
      const count = (await list(countTargets(fromNdArray(targets, 'int32'))))[0]!;
      expect(count).toBe(5);
      const expected = tf.variableGrads(whole, [weight]);
      const { loss, gradients } = accumulateGradients([weight], [0, 1, 2], sumOf, count);
      const value = (await list(expected.value))[0]!;
      expect((await list(loss))[0]).toBeCloseTo(value, 5);
      const slope = await toNdArray(expected.grads[weight.name]!);
      expect(distance(await toNdArray(gradients[0]!), slope)).toBeLessThan(1e-6);
      const sums = [0, 1, 2].map(sumOf);
      expect((await list(accumulatedLoss(sums, count)))[0]).toBeCloseTo(value, 5);
      expect((await list(accumulatedLoss(sums, countTargets(fromNdArray(targets, 'int32')))))[0]).toBeCloseTo(
        value,
        5,
      );
      const meanOfMeans = (await Promise.all(sums.map(list))).map(
        ([sum], n) => sum! / Math.max(1, counts[n]!),
      );
      expect(Math.abs((meanOfMeans[0]! + meanOfMeans[1]!) / 2 - value)).toBeGreaterThan(0.05);
      expect((await list(accumulatedLoss(sums, 0)))[0]).toBeNaN();
      weight.dispose();
    });

    it('keeps the gradients of one of them, and zeros for a variable that is not used', async () => {
      const [used, unused] = [tf.variable(tf.ones([2])), tf.variable(tf.ones([3]))];
      const run = () => {
        const { loss, gradients } = accumulateGradients(
          [used, unused],
          [1, 2],
          (k) => tf.sum(tf.mul(used, k)),
          2,
        );
        return [loss, ...gradients];
      };
      const [loss, slope, nothing] = run();
      expect([await list(loss!), await list(slope!), await list(nothing!)]).toEqual([
        [3],
        [1.5, 1.5],
        [0, 0, 0],
      ]);
      expect(leaked(run)).toBe(0);
      tf.dispose([used, unused]);
    });
  });

  if (name === 'webgpu') {
    it('answers take the fused path where it is asked for', async () => {
      const arguments_ = [tf.ones([1, 3, 4]), int([1, 2, 3], [1, 3]), int([1, 1, 1], [1, 3])] as const;
      const fused = await list(sftLoss(...arguments_, { path: 'fused', zLoss: 0.1 }));
      expect(fused[0]).toBeCloseTo(
        (await list(sftLoss(...arguments_, { path: 'composed', zLoss: 0.1 })))[0]!,
        6,
      );
    });
  }
});

describe('errors of targets', () => {
  it('name the shapes and what to do', () => {
    const ids = tf.zeros([2, 3], 'int32');
    expect(() => nextTokenTargets(tf.zeros([2, 3]))).toThrow(/ids must be an int32 tensor/);
    expect(() => nextTokenTargets(tf.scalar(1, 'int32'))).toThrow(/got a scalar/);
    expect(() => nextTokenTargets(ids, { lossMask: tf.ones([3]) })).toThrow(/got \[3\] and \[2,3\]/);
    expect(() => nextTokenTargets(ids, { cuSeqLens: [0, 6] })).toThrow(
      /packed ids are one row \[T\], got \[2,3\]/,
    );
    expect(() => sftLoss(tf.ones([2, 4, 5]), ids, ids)).toThrow(/got logits \[2,4,5\] and ids \[2,3\]/);
    expect(() => sequenceNll(tf.ones([3, 5]), tf.zeros([3], 'int32'))).toThrow(/must be \[B,T\], got \[3\]/);
    expect(() => sequenceNll(tf.ones([2, 3, 5]), ids, { mask: tf.ones([2]) })).toThrow(
      /got \[2,3\] and \[2\]/,
    );
    expect(() => accumulatedLoss([], 1)).toThrow(/got none/);
    expect(() => accumulatedLoss([tf.ones([2])], 1)).toThrow(/one of shape \[2\]; take reduction 'sum'/);
    expect(() => accumulateGradients([], [1], () => tf.scalar(1), 0)).toThrow(/1 micro-batches and 0 tokens/);
    expect(() => countTargets(tf.ones([2]))).toThrow(/targets must be an int32/);
  });
});
