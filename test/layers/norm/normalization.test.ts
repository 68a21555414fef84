/** Layer, batch, instance and group normalisation: one oracle, several partitions of the same elements. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { launchedKernels } from '../../../src/compute/launch.js';
import { type NdArray, ndarray, sizeOf } from '../../../src/compute/ndarray.js';
import { seededNormal } from '../../../src/compute/random.js';
import { fromNdArray, read, toNdArray } from '../../../src/compute/read.js';
import { tf } from '../../../src/compute/tf.js';
import { batchNorm, groupNorm, instanceNorm } from '../../../src/layers/norm/channel-norm.js';
import { layerNorm } from '../../../src/layers/norm/layer-norm.js';
import {
  batchNormGradientOracle,
  batchNormOracle,
  batchStatisticsOracle,
  groupNormGradientOracle,
  groupNormOracle,
  layerNormGradientOracle,
  layerNormOracle,
} from '../../../src/layers/norm/norm-oracle.js';
import { rmsNormOracle } from '../../../src/layers/norm/rms-norm.js';
import {
  batchNormErrors,
  batchNormEvalErrors,
  groupNormErrors,
  layerNormErrors,
} from '../../../src/workbench/golden/bounds/normalization.js';
import { eachBackend } from '../../compute/backends.js';
import {
  distance,
  expectComponent,
  expectOracleGradient,
  expectWithin,
  leaked,
} from '../../support/numeric.js';

const eps = 1e-5;

function inputs(shape: readonly number[], parameters: readonly number[]) {
  return { x: seededNormal(shape, 1), gain: seededNormal(parameters, 2), bias: seededNormal(parameters, 3) };
}

/** The same numbers with the channels last. */
function channelsLast({ shape, data }: NdArray): NdArray {
  const [B, C, ...rest] = shape as [number, number, ...number[]];
  const P = sizeOf(rest);
  const moved = ndarray([B, ...rest, C]);
  for (let n = 0; n < data.length; n++) {
    const [b, c, p] = [Math.floor(n / (C * P)), Math.floor(n / P) % C, n % P];
    moved.data[(b * P + p) * C + c] = data[n]!;
  }
  return moved;
}

describe('the normalisation oracle', () => {
  it('brings [1, 2, 3, 4] to mean 0 and variance 1', () => {
    const one = { gain: ndarray([4], [1, 1, 1, 1]), bias: ndarray([4]) };
    const y = layerNormOracle(ndarray([4], [1, 2, 3, 4]), one, 0);
    const d = Math.sqrt(1.25);
    expect(distance(y, ndarray([4], [-1.5 / d, -0.5 / d, 0.5 / d, 1.5 / d]))).toBeLessThan(1e-15);
  });

  it('is RMSNorm on rows whose mean is zero', () => {
    const x = ndarray([1, 4], [1, -1, 3, -3]);
    const affine = { gain: seededNormal([4], 1), bias: ndarray([4]) };
    expect(distance(layerNormOracle(x, affine, eps), rmsNormOracle(x, affine.gain, eps))).toBeLessThan(1e-15);
  });

  it('with one group is layer normalisation of each sample', () => {
    const { x, gain, bias } = inputs([3, 4, 5], [4]);
    const repeat = (a: NdArray) =>
      ndarray(
        [4, 5],
        Array.from({ length: 20 }, (_, n) => a.data[Math.floor(n / 5)]!),
      );
    const wide = { gain: repeat(gain), bias: repeat(bias) };
    expect(distance(groupNormOracle(x, 1, { gain, bias }), layerNormOracle(x, wide))).toBeLessThan(1e-14);
  });

  it('has the gradients of its own forward pass', () => {
    const dy = seededNormal([3, 4, 5], 9);
    const layer = inputs([3, 4, 5], [5]);
    expectOracleGradient((at) => layerNormOracle(at.x, at, 0.1), layer, dy, {
      ...layerNormGradientOracle(layer.x, layer, dy, 0.1),
    });
    const channel = inputs([3, 4, 5], [4]);
    expectOracleGradient((at) => batchNormOracle(at.x, at, 0.1), channel, dy, {
      ...batchNormGradientOracle(channel.x, channel, dy, 0.1),
    });
    expectOracleGradient((at) => groupNormOracle(at.x, 2, at, 0.1), channel, dy, {
      ...groupNormGradientOracle(channel.x, 2, channel, dy, 0.1),
    });
  });
});

eachBackend((name) => {
  const paths = name === 'webgpu' ? (['fused', 'composed'] as const) : (['composed'] as const);
  beforeEach(() => tf.engine().startScope());
  afterEach(() => tf.engine().endScope());

  const layerShapes: [number[], number][] = [
    [[37, 200], 1],
    [[1, 1], 1],
    [[2, 3, 17], 2],
    [[2, 5, 3], 3],
    [[1, 3000], 1],
    [[129], 1],
  ];

  it.each(layerShapes)(
    'layerNorm matches the oracle, forward and backward, for x %j over %i axes',
    (shape, axes) => checkLayer(inputs(shape, shape.slice(-axes)), eps),
  );

  async function checkLayer(given: ReturnType<typeof inputs>, epsilon: number): Promise<void> {
    const dy = seededNormal(given.x.shape, 4);
    const expected = {
      out: layerNormOracle(given.x, given, epsilon),
      gradients: { ...layerNormGradientOracle(given.x, given, dy, epsilon) },
    };
    const bounds = layerNormErrors(given.x, given, dy, given.gain.shape.length, epsilon);
    for (const path of paths) {
      await expectComponent((at) => layerNorm(at.x, at, { eps: epsilon, path }), given, dy, expected, bounds);
    }
  }

  it('batchNorm keeps the mean of channels whose squares overflow', async () => {
    const x = tf.tensor2d([[1e25], [3e25]]);
    const { runningMean } = batchNorm(x, {}, { momentum: 0.5 });
    expect((await read(runningMean))[0]! / 1e25).toBeCloseTo(1, 5);
  });

  it('layerNorm survives rows whose squares overflow or vanish, and rows far from zero', async () => {
    const given = inputs([6, 33], [33]);
    const scales = [1e30, 1e22, 1, 1e-22, 1e-30, 0];
    const x = given.x.data.map((value, n) => Math.fround(value * scales[Math.floor(n / 33)]!));
    await checkLayer({ ...given, x: ndarray([6, 33], x) }, eps);
    // Without eps a row of 1e-30 has the result of any other.
    const tiny = { ...given, x: ndarray([4, 33], x.subarray(33, 165)) };
    const run = layerNorm(fromNdArray(tiny.x), { gain: fromNdArray(given.gain) }, { eps: 0 });
    const expected = layerNormOracle(tiny.x, { gain: given.gain, bias: ndarray([33]) }, 0);
    await expectWithin(
      'eps 0',
      run,
      expected,
      layerNormErrors(tiny.x, { gain: given.gain }, undefined, 1, 0).out,
    );
    const shifted = given.x.data.map((value) => Math.fround(1000 + value));
    await checkLayer({ ...given, x: ndarray([6, 33], shifted) }, eps);
  });

  if (name === 'webgpu') {
    it('layerNorm takes the fused kernels unless told otherwise', async () => {
      const launched = launchedKernels();
      launched.reset();
      await read(tf.grad((x) => layerNorm(x))(tf.ones([2, 4])));
      expect(launched.list()).toEqual(['layerNorm.forward', 'layerNorm.backward', 'layerNorm.columnSums']);
    });
  }

  it('layerNorm keeps NaN and infinity in their rows', async () => {
    const rows = [
      [1, Number.NaN, 2],
      [3, 4, 5],
      [1, Number.POSITIVE_INFINITY, 2],
    ];
    const y = Array.from(await read(layerNorm(tf.tensor2d(rows))));
    expect(y.slice(0, 3)).toEqual([Number.NaN, Number.NaN, Number.NaN]);
    expect(y.slice(3, 6).every(Number.isFinite)).toBe(true);
    expect(y[7]).toBeNaN();
  });

  it('gain and bias can be left out', async () => {
    const { x, gain, bias } = inputs([3, 4, 5], [5]);
    const only = async (affine: { gain?: tf.Tensor; bias?: tf.Tensor }) =>
      toNdArray(layerNorm(fromNdArray(x), affine));
    const [ones, zeros] = [ndarray([5], [1, 1, 1, 1, 1]), ndarray([5])];
    const expected = (affine: { gain: NdArray; bias: NdArray }) => layerNormOracle(x, affine);
    expect(distance(await only({}), expected({ gain: ones, bias: zeros }))).toBeLessThan(1e-5);
    expect(distance(await only({ gain: fromNdArray(gain) }), expected({ gain, bias: zeros }))).toBeLessThan(
      1e-5,
    );
    expect(distance(await only({ bias: fromNdArray(bias) }), expected({ gain: ones, bias }))).toBeLessThan(
      1e-5,
    );
  });

  const channelShapes = [
    [4, 6, 5, 3],
    [2, 6],
    [3, 6, 7],
    [1, 6, 2, 2, 2],
  ];

  it.each(channelShapes.map((shape) => [shape]))(
    'batchNorm trains as the oracle does, for x %j',
    async (shape) => {
      const given = inputs(shape, [6]);
      const dy = seededNormal(shape, 4);
      const expected = {
        out: batchNormOracle(given.x, given),
        gradients: { ...batchNormGradientOracle(given.x, given, dy) },
      };
      const bounds = batchNormErrors(given.x, given, dy, 1, eps);
      await expectComponent((at) => batchNorm(at.x, at).out, given, dy, expected, bounds);

      const { mean, variance } = batchStatisticsOracle(given.x);
      const state = { runningMean: tf.fill([6], 2), runningVar: tf.fill([6], 3) };
      const after = batchNorm(fromNdArray(given.x), state, { momentum: 0.25 });
      const blend = (old: number, now: NdArray) =>
        ndarray(
          [6],
          now.data.map((value) => 0.75 * old + 0.25 * value),
        );
      expect(distance(await toNdArray(after.runningMean), blend(2, mean))).toBeLessThan(1e-5);
      expect(distance(await toNdArray(after.runningVar), blend(3, variance))).toBeLessThan(1e-5);
    },
  );

  it('batchNorm evaluates by the running statistics, each sample by itself', async () => {
    const given = inputs([3, 4, 5], [4]);
    const running = { mean: seededNormal([4], 5), variance: ndarray([4], [0.5, 1, 2, 9]) };
    const dy = seededNormal([3, 4, 5], 4);
    const state = { runningMean: fromNdArray(running.mean), runningVar: fromNdArray(running.variance) };
    const run = (at: Record<'x' | 'gain' | 'bias', tf.Tensor>) =>
      batchNorm(at.x, { ...at, ...state }, { training: false }).out;
    const factor = (c: number) => 1 / Math.sqrt(running.variance.data[c]! + eps);
    const out = ndarray([3, 4, 5]);
    const gradients = { x: ndarray([3, 4, 5]), gain: ndarray([4]), bias: ndarray([4]) };
    for (let n = 0; n < 60; n++) {
      const c = Math.floor(n / 5) % 4;
      const normalized = (given.x.data[n]! - running.mean.data[c]!) * factor(c);
      out.data[n] = given.gain.data[c]! * normalized + given.bias.data[c]!;
      gradients.x.data[n] = dy.data[n]! * given.gain.data[c]! * factor(c);
      gradients.gain.data[c]! += dy.data[n]! * normalized;
      gradients.bias.data[c]! += dy.data[n]!;
    }
    const bounds = batchNormEvalErrors(given.x, given, running, dy, 1, eps);
    await expectComponent(run, given, dy, { out, gradients }, bounds);
    const { runningMean } = batchNorm(fromNdArray(given.x), state, { training: false });
    expect(distance(await toNdArray(runningMean), running.mean)).toBe(0);
  });

  it.each([1, 2, 3, 6])(
    'groupNorm with %i groups matches the oracle, forward and backward',
    async (groups) => {
      for (const shape of channelShapes) {
        if (shape.length > 3) continue;
        const given = inputs(shape, [6]);
        const dy = seededNormal(shape, 4);
        const gradients = { ...groupNormGradientOracle(given.x, groups, given, dy) };
        const bounds = groupNormErrors(given.x, groups, given, dy, 1, eps);
        const expected = { out: groupNormOracle(given.x, groups, given), gradients };
        await expectComponent((at) => groupNorm(at.x, groups, at), given, dy, expected, bounds);
      }
    },
  );

  it('instanceNorm is group normalisation with a group per channel', async () => {
    const given = inputs([2, 5, 3, 4], [5]);
    const dy = seededNormal(given.x.shape, 4);
    const gradients = { ...groupNormGradientOracle(given.x, 5, given, dy) };
    const expected = { out: groupNormOracle(given.x, 5, given), gradients };
    const bounds = groupNormErrors(given.x, 5, given, dy, 1, eps);
    await expectComponent((at) => instanceNorm(at.x, at), given, dy, expected, bounds);
  });

  it('takes the channels on another axis', async () => {
    const { x, gain, bias } = inputs([3, 4, 5, 2], [4]);
    const last = { x: fromNdArray(channelsLast(x)), gain: fromNdArray(gain), bias: fromNdArray(bias) };
    const options = { channelAxis: 3 };
    const batch = await toNdArray(batchNorm(last.x, last, options).out);
    const group = await toNdArray(groupNorm(last.x, 2, last, options));
    expect(distance(batch, channelsLast(batchNormOracle(x, { gain, bias })))).toBeLessThan(1e-5);
    expect(distance(group, channelsLast(groupNormOracle(x, 2, { gain, bias })))).toBeLessThan(1e-5);
  });

  it('takes empty tensors', () => {
    const shapes = (f: (x: tf.Tensor) => tf.Tensor, shape: number[]) => [
      f(tf.zeros(shape)).shape,
      tf.grad(f)(tf.zeros(shape), tf.zeros(shape)).shape,
    ];
    expect(shapes((x) => layerNorm(x, { gain: tf.ones([4]) }), [0, 4])).toEqual([
      [0, 4],
      [0, 4],
    ]);
    expect(shapes((x) => layerNorm(x), [3, 0])).toEqual([
      [3, 0],
      [3, 0],
    ]);
    expect(shapes((x) => groupNorm(x, 2, { bias: tf.ones([4]) }), [0, 4, 2])).toEqual([
      [0, 4, 2],
      [0, 4, 2],
    ]);
    expect(shapes((x) => instanceNorm(x), [2, 4, 0])).toEqual([
      [2, 4, 0],
      [2, 4, 0],
    ]);
  });

  it('leaves no tensors behind', () => {
    const [x, c] = [tf.ones([4, 8, 3]), tf.ones([8])];
    const affine = { gain: c, bias: c };
    expect(leaked(() => ({ ...batchNorm(x, affine) }))).toBe(0);
    expect(leaked(() => ({ ...batchNorm(x, { runningMean: c, runningVar: c }, { training: false }) }))).toBe(
      0,
    );
    expect(leaked(() => tf.grad((a) => layerNorm(a))(x, x))).toBe(0);
    expect(leaked(() => groupNorm(x, 4, affine))).toBe(0);
    expect(leaked(() => tf.grads((a, g) => batchNorm(a!, { gain: g! }).out)([x, c], x))).toBe(0);
  });
});

describe('normalisation errors', () => {
  const x = tf.ones([2, 6, 3]);

  it('print both shapes', () => {
    expect(() => layerNorm(x, { gain: tf.ones([4]) })).toThrow(
      /layerNorm: gain must be the trailing axes = \[3\] for x \[2,6,3\], got \[4\]/,
    );
    expect(() => batchNorm(x, { bias: tf.ones([3]) })).toThrow(
      /batchNorm: bias must be \[C\] = \[6\] .* got \[3\]/,
    );
    expect(() => layerNorm(x, {}, { axes: 4 })).toThrow(/layerNorm: axes must be .* x \[2,6,3\].* got 4/);
    expect(() => groupNorm(x, 4)).toThrow(/groupNorm: groups must divide the C = 6 channels .* got 4/);
    expect(() => instanceNorm(x, {}, { channelAxis: 0 })).toThrow(/instanceNorm: channelAxis .* got 0/);
    expect(() => instanceNorm(tf.ones([2, 3], 'int32'))).toThrow(
      /instanceNorm: x must be float32, got int32/,
    );
  });

  it('refuse what has no answer', () => {
    expect(() => batchNorm(tf.ones([1, 6]))).toThrow(/more than one value per channel .* x \[1,6\] with 1/);
    expect(() => batchNorm(x, {}, { training: false })).toThrow(
      /evaluation needs runningMean and runningVar/,
    );
    expect(() => batchNorm(x, {}, { momentum: 2 })).toThrow(/momentum must lie in \[0, 1\], got 2/);
    expect(() => layerNorm(x, {}, { eps: -1 })).toThrow(/layerNorm: eps must be .* got -1/);
  });
});
