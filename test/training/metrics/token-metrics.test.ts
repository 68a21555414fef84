import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ndarray } from '../../../src/compute/ndarray.js';
import { seededNormal } from '../../../src/compute/random.js';
import { fromNdArray, read, toNdArray } from '../../../src/compute/read.js';
import { tf } from '../../../src/compute/tf.js';
import {
  crossEntropyGradientOracle,
  crossEntropyOracle,
  tokenLossesOracle,
} from '../../../src/training/loss/cross-entropy-oracle.js';
import {
  bitsPerByte,
  perplexity,
  tokenAccuracy,
  tokenBitsPerByte,
} from '../../../src/training/metrics/token-metrics.js';
import { perplexityErrors } from '../../../src/workbench/golden/bounds/cross-entropy.js';
import { eachBackend } from '../../compute/backends.js';
import { distance, expectWithin, leaked } from '../../support/numeric.js';

const ids = (values: number[]) => tf.tensor1d(values, 'int32');
const number = async (tensor: tf.Tensor) => (await read(tensor))[0];

eachBackend(() => {
  beforeEach(() => tf.engine().startScope());
  afterEach(() => tf.engine().endScope());

  const targets = [3, 0, 7, -100, 5, 5, -100, 2, 1, 6, 4, 3];
  const logits = seededNormal([12, 8], 1);

  it('perplexity is exp of the mean loss', async () => {
    const wanted = ndarray([12], targets);
    const expected = ndarray([], [Math.exp(crossEntropyOracle(logits, wanted).data[0]!)]);
    const bounds = perplexityErrors(logits, wanted, -100);
    await expectWithin('perplexity', perplexity(fromNdArray(logits), ids(targets)), expected, bounds);
  });

  it('accuracy pools over what counts; of equal logits the first wins, and no target outside is right', async () => {
    const right = tf.tensor2d([
      [0, 2],
      [3, 1],
      [0, 1],
      [5, 1],
    ]);
    expect(await number(tokenAccuracy(right, ids([1, 0, 0, -100])))).toBeCloseTo(2 / 3, 6);
    expect(await number(tokenAccuracy(right, ids([1, 0, 0, 2]), { ignoreIndex: 2 }))).toBeCloseTo(2 / 3, 6);
    const even = tf.fill([3, 70], 1.5);
    expect(await number(tokenAccuracy(even, ids([0, 1, 69])))).toBeCloseTo(1 / 3, 6);
    expect(await number(tokenAccuracy(tf.zeros([2, 2]), ids([2, -1])))).toBe(0);
  });

  it('bits per byte sums both over tokens that have bytes, with its gradient', async () => {
    const bytes = [0, 1, 2, 3, 1, 4, 1, 5];
    // The token 0 has no bytes: it counts for nothing, as -100 does.
    const counting = ndarray(
      [12],
      targets.map((target) => (target === 0 ? -100 : target)),
    );
    const total = counting.data.reduce((sum, target) => sum + (target < 0 ? 0 : bytes[target]!), 0);
    const nats = tokenLossesOracle(logits, counting).data.reduce((a, b) => a + b);
    const metric = (x: tf.Tensor) => tokenBitsPerByte(x, ids(targets), ids(bytes));
    expect(await number(metric(fromNdArray(logits)))).toBeCloseTo(bitsPerByte(nats, total), 5);
    const gradient = await toNdArray(tf.grad(metric)(fromNdArray(logits)));
    const count = counting.data.filter((target) => target >= 0).length;
    const expected = crossEntropyGradientOracle(logits, counting, count / (Math.LN2 * total));
    expect(distance(gradient, expected)).toBeLessThan(1e-6);
  });

  it('are NaN where nothing counts, and where a target is outside the vocabulary', async () => {
    const [none, ones] = [tf.fill([3], -100, 'int32'), tf.ones([3, 4])];
    const bytes = ids([1, 1, 0, 2]);
    for (const metric of [
      perplexity(ones, none),
      tokenAccuracy(ones, none),
      tokenBitsPerByte(ones, none, bytes),
      tokenBitsPerByte(ones, ids([2, 2, -100]), bytes),
      perplexity(tf.zeros([0, 4]), tf.zeros([0], 'int32')),
      tokenAccuracy(tf.zeros([0, 4]), tf.zeros([0], 'int32')),
      perplexity(ones, ids([0, 4, 1])),
      tokenBitsPerByte(ones, ids([0, 4, 1]), bytes),
    ]) {
      expect(await number(metric)).toBeNaN();
    }
    const gradient = tf.grad((x) => tokenBitsPerByte(x, none, bytes))(ones);
    expect(Array.from(await read(gradient))).toEqual(new Array(12).fill(0));
  });

  it('leave no tensors behind', () => {
    const [x, wanted, bytes] = [tf.ones([4, 8]), tf.zeros([4], 'int32'), tf.ones([8], 'int32')];
    expect(leaked(() => perplexity(x, wanted))).toBe(0);
    expect(leaked(() => tokenAccuracy(x, wanted))).toBe(0);
    expect(leaked(() => tokenBitsPerByte(x, wanted, bytes))).toBe(0);
  });
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

describe('errors of metrics', () => {
  it('name the shapes and the dtypes', () => {
    expect(() => perplexity(tf.ones([2, 3, 5]), tf.zeros([2, 3]))).toThrow(
      /perplexity: targets must be an int32.*got float32/,
    );
    expect(() => tokenAccuracy(tf.ones([2, 0]), tf.zeros([2], 'int32'))).toThrow(/V = 0 in logits \[2,0\]/);
    expect(() => tokenBitsPerByte(tf.ones([2, 3]), tf.zeros([2], 'int32'), tf.ones([4], 'int32'))).toThrow(
      /tokenBytes must be \[V\] = \[3\], .* got \[4\]/,
    );
    expect(() => tokenBitsPerByte(tf.ones([2, 3]), tf.zeros([2], 'int32'), tf.ones([3]))).toThrow(
      /tokenBytes must be an int32/,
    );
  });
});
