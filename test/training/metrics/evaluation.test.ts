/** Evaluation on a text: windows with a stride, and calibration. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ndarray } from '../../../src/compute/ndarray.js';
import { seededNormal, seededUniform } from '../../../src/compute/random.js';
import { fromNdArray } from '../../../src/compute/read.js';
import { tf } from '../../../src/compute/tf.js';
import { tokenLossesOracle } from '../../../src/training/loss/cross-entropy-oracle.js';
import { calibrationOf, tokenCalibration } from '../../../src/training/metrics/calibration.js';
import { evaluationWindows, scoreText } from '../../../src/training/metrics/windows.js';
import { eachBackend } from '../../compute/backends.js';

describe('evaluation windows', () => {
  it('overlap, and score every token but the first once, with what is before it in its window', () => {
    expect(evaluationWindows(10, 5, 2)).toEqual([
      { start: 0, end: 5, scoreFrom: 1 },
      { start: 2, end: 7, scoreFrom: 5 },
      { start: 4, end: 9, scoreFrom: 7 },
      { start: 6, end: 10, scoreFrom: 9 },
    ]);
    expect(evaluationWindows(9, 5, 4)).toEqual([
      { start: 0, end: 5, scoreFrom: 1 },
      { start: 4, end: 9, scoreFrom: 5 },
    ]);
    expect(evaluationWindows(3, 5, 1)).toEqual([{ start: 0, end: 3, scoreFrom: 1 }]);
    for (const [tokens, window, stride] of [
      [100, 7, 3],
      [29, 2, 1],
      [31, 8, 7],
    ] as const) {
      let next = 1;
      for (const { start, end, scoreFrom } of evaluationWindows(tokens, window, stride)) {
        expect(scoreFrom).toBe(next);
        expect(scoreFrom).toBeGreaterThan(start);
        expect(end - start).toBeLessThanOrEqual(window);
        next = end;
      }
      expect(next).toBe(tokens);
    }
  });

  it('refuse strides that leave tokens out, and texts of one token', () => {
    expect(() => evaluationWindows(10, 5, 5)).toThrow(/stride from 1 to window - 1, got 5 and 5/);
    expect(() => evaluationWindows(10, 1, 1)).toThrow(/got 1 and 1/);
    expect(() => evaluationWindows(10, 5, 0)).toThrow(/got 5 and 0/);
    expect(() => evaluationWindows(1, 5, 2)).toThrow(/a text needs 2 tokens, got 1/);
    expect(evaluationWindows(2, 2, 1)).toHaveLength(1);
  });
});

describe('calibration', () => {
  it('compares confidence and accuracy, bin by bin', () => {
    const { bins, expectedError, largestError } = calibrationOf(
      [0, 0.5, 0.25, 0.75, 1, 1],
      [false, true, false, true, true, false],
      2,
    );
    expect(bins).toEqual([
      { from: 0, to: 0.5, count: 3, confidence: 0.25, accuracy: 1 / 3 },
      { from: 0.5, to: 1, count: 3, confidence: 2.75 / 3, accuracy: 2 / 3 },
    ]);
    expect(expectedError).toBeCloseTo((0.25 + 0.75) / 6, 12);
    expect(largestError).toBeCloseTo(0.25, 12);
    const single = calibrationOf([0.75], [true], 2);
    expect(single).toMatchObject({ expectedError: 0.25, largestError: 0.25 });
    expect(single.bins[1]).toMatchObject({ count: 1, confidence: 0.75, accuracy: 1 });
    const empty = calibrationOf([], []);
    expect([empty.bins.length, empty.expectedError, empty.largestError]).toEqual([10, Number.NaN, 0]);
    expect(empty.bins[0]).toMatchObject({ count: 0, confidence: Number.NaN, accuracy: Number.NaN });
  });

  it('is nearly perfect where confidences are the true chances', () => {
    const uniform = seededUniform(1);
    const chances = Array.from({ length: 20_000 }, uniform);
    const right = chances.map((p) => uniform() < p);
    expect(calibrationOf(chances, right).expectedError).toBeLessThan(0.012);
    expect(
      calibrationOf(
        chances,
        right.map((_, n) => n % 2),
      ).expectedError,
    ).toBeGreaterThan(0.2);
  });

  it('refuses what is no probability', () => {
    expect(() => calibrationOf([1.5], [true])).toThrow(/must lie in \[0, 1\], got 1.5/);
    expect(() => calibrationOf([1], [])).toThrow(/1 confidences, 0 answers, 10 bins/);
    expect(() => calibrationOf([1], [1], 0)).toThrow(/0 bins/);
  });
});

eachBackend(() => {
  beforeEach(() => tf.engine().startScope());
  afterEach(() => tf.engine().endScope());

  it('a text is scored with what its windows show', async () => {
    const V = 5;
    const text = [1, 4, 2, 2, 0, 3, 1, 1, 4];
    // A model that sees how many tokens are before: the logits are rows of a table, chosen by place in the window and token.
    const table = seededNormal([4, V, V], 1);
    const forward = (ids: tf.Tensor) => {
      const T = ids.shape[1]!;
      const rows = tf.slice(fromNdArray(table) as tf.Tensor3D, [0, 0, 0], [T, V, V]).reshape([T * V, V]);
      const places = tf.add(ids.reshape([T]), tf.mul(tf.range(0, T, 1, 'int32'), tf.scalar(V, 'int32')));
      return tf.gather(rows, places as tf.Tensor1D).reshape([1, T, V]);
    };
    const score = await scoreText(forward, text, { window: 4, stride: 2 });
    let nats = 0;
    for (const { start, end, scoreFrom } of evaluationWindows(text.length, 4, 2)) {
      for (let t = scoreFrom; t < end; t++) {
        const row = table.data.subarray(
          ((t - 1 - start) * V + text[t - 1]!) * V,
          ((t - 1 - start) * V + text[t - 1]! + 1) * V,
        );
        nats += tokenLossesOracle(ndarray([1, V], row), ndarray([1], [text[t]!])).data[0]!;
      }
    }
    expect(score.nats).toBeCloseTo(nats, 4);
    expect([score.tokens, score.windows]).toEqual([8, 4]);
    expect(score.perplexity).toBeCloseTo(Math.exp(score.nats / 8), 10);
    const held = tf.memory().numTensors;
    tf.tidy(() => forward(tf.zeros([1, 2], 'int32'))).dispose();
    expect(tf.memory().numTensors).toBe(held);
  });

  it('token predictions are calibrated by their largest probability', async () => {
    const logits = tf.tensor2d([
      [Math.log(7 / 3), 0],
      [0, Math.log(9)],
      [0, Math.log(9)],
      [0, 0],
    ]);
    const targets = tf.tensor1d([0, 1, 0, -100], 'int32');
    const { bins, expectedError } = await tokenCalibration(logits, targets, { bins: 4 });
    expect(bins[2]).toMatchObject({ count: 1, accuracy: 1 });
    expect(bins[3]).toMatchObject({ count: 2, accuracy: 0.5 });
    expect(bins[3]!.confidence).toBeCloseTo(0.9, 5);
    expect(expectedError).toBeCloseTo((0.3 + 0.8) / 3, 5);
    const none = await tokenCalibration(tf.zeros([0, 2]), tf.zeros([0], 'int32'));
    expect(none.expectedError).toBeNaN();
    const held = tf.memory().numTensors;
    await tokenCalibration(logits, targets);
    expect(tf.memory().numTensors).toBe(held);
    await expect(tokenCalibration(logits, tf.zeros([3], 'int32'))).rejects.toThrow(
      /tokenCalibration: .*\[4,2\] and targets \[3\]/,
    );
  });
});
