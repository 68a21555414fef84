import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type NdArray, ndarray } from '../../../src/compute/ndarray.js';
import { seededNormal } from '../../../src/compute/random.js';
import { fromNdArray, read } from '../../../src/compute/read.js';
import { tf } from '../../../src/compute/tf.js';
import { feedForward, swiGluFfn, swiGluHidden } from '../../../src/layers/feed-forward/feed-forward.js';
import {
  feedForwardGradientOracle,
  feedForwardOracle,
  swiGluFfnGradientOracle,
  swiGluFfnOracle,
} from '../../../src/layers/feed-forward/feed-forward-oracle.js';
import { linear } from '../../../src/layers/linear/linear.js';
import { feedForwardErrors, swiGluFfnErrors } from '../../../src/workbench/golden/bounds/feed-forward.js';
import { eachBackend } from '../../compute/backends.js';
import { expectComponent, expectOracleGradient, leaked } from '../../support/numeric.js';

const plain = (batch: number[], C: number, F: number) => ({
  x: seededNormal([...batch, C], 1),
  w1: seededNormal([F, C], 2, 0.3),
  b1: seededNormal([F], 3),
  w2: seededNormal([C, F], 4, 0.3),
  b2: seededNormal([C], 5),
});

const gated = (batch: number[], C: number, F: number) => ({
  x: seededNormal([...batch, C], 1),
  wGate: seededNormal([F, C], 2, 0.5),
  wUp: seededNormal([F, C], 3, 0.5),
  wDown: seededNormal([C, F], 4, 0.5),
  bGate: seededNormal([F], 5),
  bUp: seededNormal([F], 7),
  bDown: seededNormal([C], 8),
});

describe('the feed-forward oracles', () => {
  it('have the gradients of their own forward passes', () => {
    const dy = seededNormal([3, 4], 9);
    const two = plain([3], 4, 6);
    expectOracleGradient((at) => feedForwardOracle(at.x, at, 'silu'), two, dy, {
      ...feedForwardGradientOracle(two.x, two, dy, 'silu'),
    });
    const three = gated([3], 4, 6);
    expectOracleGradient((at) => swiGluFfnOracle(at.x, at), three, dy, {
      ...swiGluFfnGradientOracle(three.x, three, dy),
    });
  });
});

eachBackend(() => {
  beforeEach(() => tf.engine().startScope());
  afterEach(() => tf.engine().endScope());

  const sizes: [number[], number, number][] = [
    [[2, 5], 8, 12],
    [[1], 1, 1],
    [[], 3, 7],
    [[13], 70, 33],
  ];

  it.each(sizes)(
    'feedForward matches the oracle, forward and backward, for x [%j,%i] and F = %i',
    (...size) => checkPlain(plain(...size), 'relu'),
  );

  it('feedForward takes any activation', () => checkPlain(plain([4], 6, 9), 'gelu_tanh'));

  async function checkPlain(inputs: ReturnType<typeof plain>, kind: 'relu' | 'gelu_tanh'): Promise<void> {
    const dy = seededNormal(inputs.x.shape, 6);
    const expected = {
      out: feedForwardOracle(inputs.x, inputs, kind),
      gradients: feedForwardGradientOracle(inputs.x, inputs, dy, kind),
    };
    const run = ({ x, ...weights }: Record<keyof typeof inputs, tf.Tensor>) =>
      feedForward(x, weights, { activation: kind });
    await expectComponent(run, inputs, dy, expected, feedForwardErrors(inputs.x, inputs, dy, kind));
  }

  it.each(sizes)(
    'swiGluFfn matches the oracle, forward and backward, for x [%j,%i] and F = %i',
    async (...size) => {
      const inputs = gated(...size);
      const dy = seededNormal(inputs.x.shape, 6);
      const expected = {
        out: swiGluFfnOracle(inputs.x, inputs),
        gradients: swiGluFfnGradientOracle(inputs.x, inputs, dy),
      };
      const run = ({ x, ...weights }: Record<keyof typeof inputs, tf.Tensor>) => swiGluFfn(x, weights);
      await expectComponent(run, inputs, dy, expected, swiGluFfnErrors(inputs.x, inputs, dy));
    },
  );

  it('works without biases', async () => {
    const { x, w1, w2 } = plain([3], 4, 6);
    const zeros: [NdArray, NdArray] = [ndarray([6]), ndarray([4])];
    const run = (...biases: NdArray[]) =>
      feedForward(fromNdArray(x), {
        w1: fromNdArray(w1),
        w2: fromNdArray(w2),
        ...(biases.length > 0 ? { b1: fromNdArray(biases[0]!), b2: fromNdArray(biases[1]!) } : {}),
      });
    expect(Array.from(await read(run()))).toEqual(Array.from(await read(run(...zeros))));
    const { x: input, wGate, wUp, wDown } = gated([3], 4, 6);
    const three = { wGate: fromNdArray(wGate), wUp: fromNdArray(wUp), wDown: fromNdArray(wDown) };
    const [zeroF, zeroC] = [tf.zeros([6]), tf.zeros([4])];
    const without = swiGluFfn(fromNdArray(input), three);
    const withZeros = swiGluFfn(fromNdArray(input), { ...three, bGate: zeroF, bUp: zeroF, bDown: zeroC });
    expect(Array.from(await read(without))).toEqual(Array.from(await read(withZeros)));
  });

  it('takes no tokens, and no hidden features', async () => {
    const run = (tokens: number, F: number) => {
      const weights = { wGate: tf.ones([F, 4]), wUp: tf.ones([F, 4]), wDown: tf.ones([4, F]) };
      const f = (x: tf.Tensor) => swiGluFfn(x, weights);
      const x = tf.ones([tokens, 4]);
      return { y: f(x), dx: tf.grad(f)(x, tf.ones([tokens, 4])) };
    };
    expect(run(0, 6).y.shape).toEqual([0, 4]);
    expect(run(0, 6).dx.shape).toEqual([0, 4]);
    expect(Array.from(await read(run(2, 0).y))).toEqual(new Array(8).fill(0));
    expect(Array.from(await read(run(2, 0).dx))).toEqual(new Array(8).fill(0));
  });

  it('keeps NaN in its token', async () => {
    const weights = { wGate: tf.ones([3, 2]), wUp: tf.ones([3, 2]), wDown: tf.ones([2, 3]) };
    const y = await read(
      swiGluFfn(
        tf.tensor2d([
          [Number.NaN, 1],
          [1, 2],
        ]),
        weights,
      ),
    );
    expect([y[0], y[1]]).toEqual([Number.NaN, Number.NaN]);
    expect(Number.isFinite(y[2]! + y[3]!)).toBe(true);
  });

  it('leaves no tensors behind', () => {
    const [x, w1, w2] = [tf.ones([4, 8]), tf.ones([6, 8]), tf.ones([8, 6])];
    expect(leaked(() => feedForward(x, { w1, w2 }))).toBe(0);
    expect(leaked(() => swiGluFfn(x, { wGate: w1, wUp: w1, wDown: w2 }))).toBe(0);
    expect(leaked(() => tf.grad((a) => swiGluFfn(a, { wGate: w1, wUp: w1, wDown: w2 }))(x, x))).toBe(0);
  });
});

describe('swiGluHidden', () => {
  it('gives the widths of published models', () => {
    // config.json of Llama 7B, 13B and 65B, and of Llama 3 8B (multiplier 1.3, multiple of 1024).
    expect([4096, 5120, 8192].map((C) => swiGluHidden(C))).toEqual([11_008, 13_824, 22_016]);
    expect(swiGluHidden(4096, 1024, 1.3)).toBe(14_336);
    expect(swiGluHidden(3, 1)).toBe(8);
  });

  it('refuses what is no width', () => {
    expect(() => swiGluHidden(0)).toThrow(/C must be a positive integer, got 0/);
    expect(() => swiGluHidden(64, 1.5)).toThrow(/multipleOf must be .* got 1.5/);
  });
});

describe('feed-forward errors', () => {
  it('print both shapes', () => {
    const [x, w1] = [tf.ones([2, 8]), tf.ones([6, 8])];
    expect(() => feedForward(x, { w1, w2: tf.ones([6, 8]) })).toThrow(
      /feedForward: w2 must be \[C,F\] = \[8,6\] for x \[2,8\], got \[6,8\]/,
    );
    expect(() => swiGluFfn(x, { wGate: w1, wUp: tf.ones([5, 8]), wDown: tf.ones([8, 6]) })).toThrow(
      /swiGluFfn: wUp must be \[F,C\] = \[6,8\] .* got \[5,8\]/,
    );
    expect(() => linear(x, tf.ones([6, 7]))).toThrow(/linear: weight .* \[6,7\] for x \[2,8\]/);
    expect(() => linear(x, w1, tf.ones([5]))).toThrow(/linear: bias must be \[out\], got bias \[5\]/);
  });
});
