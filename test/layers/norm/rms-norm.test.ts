import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { launchedKernels } from '../../../src/compute/launch.js';
import { type NdArray, ndarray } from '../../../src/compute/ndarray.js';
import { seededNormal } from '../../../src/compute/random.js';
import { fromNdArray, read, toNdArray } from '../../../src/compute/read.js';
import { tf } from '../../../src/compute/tf.js';
import { rmsNorm, rmsNormGradientOracle, rmsNormOracle } from '../../../src/layers/norm/rms-norm.js';
import { rmsNormErrors } from '../../../src/workbench/golden/bounds/rms-norm.js';
import { eachBackend } from '../../compute/backends.js';
import { differences, distance, expectWithin, leaked } from '../../support/numeric.js';

describe('rmsNorm oracle', () => {
  it('divides by the root mean square', () => {
    // sqrt((9 + 16) / 2) = 5 / sqrt(2)
    const y = rmsNormOracle(ndarray([2], [3, 4]), ndarray([2], [1, 10]), 0);
    expect(distance(y, ndarray([2], [(3 * Math.SQRT2) / 5, (40 * Math.SQRT2) / 5]))).toBeLessThan(1e-14);
  });

  it('has the gradient of its own forward pass', () => {
    const [x, gain, dy] = [seededNormal([3, 5], 1), seededNormal([5], 2), seededNormal([3, 5], 3)];
    const gradient = rmsNormGradientOracle(x, gain, dy, 0.1);
    expect(
      distance(
        gradient.x,
        differences((at) => rmsNormOracle(at, gain, 0.1), x, dy),
      ),
    ).toBeLessThan(1e-8);
    expect(
      distance(
        gradient.gain,
        differences((at) => rmsNormOracle(x, at, 0.1), gain, dy),
      ),
    ).toBeLessThan(1e-8);
  });
});

eachBackend((name) => {
  beforeEach(() => tf.engine().startScope());
  afterEach(() => tf.engine().endScope());

  for (const path of name === 'webgpu' ? (['fused', 'composed'] as const) : (['composed'] as const)) {
    describe(`rmsNorm ${path}`, () => {
      async function check(x: NdArray, gain: NdArray, eps: number): Promise<void> {
        const dy = seededNormal(x.shape, 3);
        const run = (a: tf.Tensor, b: tf.Tensor) => rmsNorm(a, b, { eps, path });
        const inputs = [fromNdArray(x), fromNdArray(gain)] as const;
        const [dx, dgain] = tf.grads(run)([...inputs], fromNdArray(dy));
        const bounds = rmsNormErrors(x, gain, dy, eps);
        const gradient = rmsNormGradientOracle(x, gain, dy, eps);
        await expectWithin('rmsNorm', run(...inputs), rmsNormOracle(x, gain, eps), bounds.out);
        await expectWithin('rmsNorm dx', dx!, gradient.x, bounds.x!);
        await expectWithin('rmsNorm dgain', dgain!, gradient.gain, bounds.gain!);
      }

      it.each([[[37, 200]], [[3, 1]], [[1, 5000]], [[700, 64]], [[2, 3, 17]], [[129]]])(
        'matches the oracle, forward and backward, for x %j',
        (shape) => check(seededNormal(shape, 1), seededNormal(shape.slice(-1), 2), 1e-6),
      );

      it('survives rows whose squares overflow or vanish in float32', async () => {
        const scales = [1e30, 1e22, 1, 1e-22, 1e-30, 0];
        const x = seededNormal([6, 33], 1);
        const scaled = ndarray(
          x.shape,
          x.data.map((value, n) => Math.fround(value * scales[Math.floor(n / 33)]!)),
        );
        await check(scaled, seededNormal([33], 2), 1e-6);
        const withoutEps = ndarray([5, 33], scaled.data.subarray(0, 5 * 33));
        const gain = seededNormal([33], 2);
        const y = rmsNorm(fromNdArray(withoutEps), fromNdArray(gain), { eps: 0, path });
        const { out } = rmsNormErrors(withoutEps, gain, undefined, 0);
        await expectWithin('rmsNorm, eps 0', y, rmsNormOracle(withoutEps, gain, 0), out);
      });

      it('keeps NaN and infinity in their rows', async () => {
        const x = tf.tensor2d([
          [1, Number.NaN, 2],
          [3, 4, 5],
          [1, Number.POSITIVE_INFINITY, 2],
        ]);
        const y = Array.from(await read(rmsNorm(x, tf.ones([3]), { path })));
        expect(y.slice(0, 3)).toEqual([Number.NaN, Number.NaN, Number.NaN]);
        expect(y.slice(3, 6).every(Number.isFinite)).toBe(true);
        expect(y[7]).toBeNaN();
      });

      it.each([[[0, 8]], [[3, 0]]])('takes the empty x %j', async (shape) => {
        const x = tf.zeros(shape);
        const gain = tf.ones(shape.slice(-1));
        const [dx, dgain] = tf.grads((a, b) => rmsNorm(a!, b!, { path }))([x, gain], tf.zeros(shape));
        expect(rmsNorm(x, gain, { path }).shape).toEqual(shape);
        expect(dx!.shape).toEqual(shape);
        expect(Array.from(await read(dgain!))).toEqual(new Array(shape[1]!).fill(0));
      });

      it('leaves no tensors behind', () => {
        const [x, gain] = [tf.ones([4, 8]), tf.ones([8])];
        expect(leaked(() => tf.tidy(() => rmsNorm(x, gain, { path })))).toBe(0);
        expect(leaked(() => rmsNorm(x, gain, { path }))).toBe(0);
        expect(leaked(() => tf.grads((a, b) => rmsNorm(a!, b!, { path }))([x, gain], x))).toBe(0);
      });
    });
  }

  if (name === 'webgpu') {
    it('takes the fused kernels unless told otherwise', async () => {
      const launched = launchedKernels();
      launched.reset();
      await read(rmsNorm(tf.ones([2, 4]), tf.ones([4]), { path: 'composed' }));
      expect(launched.list()).toEqual([]);
      await read(tf.grad((x) => rmsNorm(x, tf.ones([4])))(tf.ones([2, 4])));
      expect(launched.list()).toEqual(['rmsNorm.forward', 'rmsNorm.backward', 'rmsNorm.columnSums']);
    });

    it('takes more rows than one grid dimension holds', async () => {
      const rows = 70_001;
      const x = seededNormal([rows, 2], 1);
      const y = await toNdArray(rmsNorm(fromNdArray(x), tf.ones([2]), { path: 'fused' }));
      const expected = rmsNormOracle(x, ndarray([2], [1, 1]));
      expect(distance(y, expected)).toBeLessThan(1e-6);
    });
  } else {
    it('refuses the fused path by name', () => {
      expect(() => rmsNorm(tf.ones([2, 4]), tf.ones([4]), { path: 'fused' })).toThrow(
        /rmsNorm: path 'fused' needs the webgpu backend/,
      );
    });
  }
});

describe('rmsNorm errors', () => {
  it('print both shapes', () => {
    expect(() => rmsNorm(tf.ones([2, 8]), tf.ones([4]))).toThrow(/rmsNorm: gain .* x \[2,8\] and gain \[4\]/);
  });

  it('name the dtype and what to do', () => {
    expect(() => rmsNorm(tf.ones([2, 8], 'int32'), tf.ones([8]))).toThrow(
      /rmsNorm: x must be float32, got int32 \[2,8\]/,
    );
  });

  it('refuse a negative eps', () => {
    expect(() => rmsNorm(tf.ones([2, 8]), tf.ones([8]), { eps: -1 })).toThrow(/eps must be .* got -1/);
  });
});
