import { describe, expect, it } from 'vitest';
import { launchedKernels } from '../../../src/compute/launch.js';
import { type NdArray, ndarray } from '../../../src/compute/ndarray.js';
import { seededNormal } from '../../../src/compute/random.js';
import { fromNdArray, read } from '../../../src/compute/read.js';
import { tf } from '../../../src/compute/tf.js';
import { softmax, softmaxGradientOracle, softmaxOracle } from '../../../src/layers/softmax/index.js';
import { softmaxErrors } from '../../../src/workbench/golden/bounds/softmax.js';
import { eachBackend } from '../../compute/backends.js';
import { differences, distance, expectWithin, leaked } from '../../support/numeric.js';

describe('softmax oracle', () => {
  it('gives rows that sum to 1 and agrees with finite differences', () => {
    const [x, dy] = [seededNormal([3, 7], 1), seededNormal([3, 7], 2)];
    const y = softmaxOracle(x);
    for (let row = 0; row < 21; row += 7) {
      expect(y.data.subarray(row, row + 7).reduce((sum, p) => sum + p)).toBeCloseTo(1, 12);
    }
    expect(distance(softmaxGradientOracle(x, dy), differences(softmaxOracle, x, dy))).toBeLessThan(1e-9);
  });
});

eachBackend((name) => {
  const paths = name === 'webgpu' ? (['fused', 'composed'] as const) : (['composed'] as const);
  for (const path of paths) {
    describe(`softmax ${path}`, () => {
      async function check(x: NdArray, dy: NdArray): Promise<void> {
        const bounds = softmaxErrors(x, dy);
        await expectWithin('softmax', softmax(fromNdArray(x), { path }), softmaxOracle(x), bounds.out);
        const dx = tf.grad((a) => softmax(a, { path }))(fromNdArray(x), fromNdArray(dy));
        await expectWithin('softmax dx', dx, softmaxGradientOracle(x, dy), bounds.x!);
      }

      it.each([[[5, 64]], [[3, 1]], [[1, 1030]], [[2, 3, 17]], [[129]], [[700, 4]]])(
        'matches the oracle, forward and backward, for x %j',
        (shape) => check(seededNormal(shape, 1), seededNormal(shape, 2)),
      );

      it('takes huge logits', async () => {
        const x = seededNormal([4, 40], 3);
        const huge = ndarray(
          x.shape,
          x.data.map((value) => Math.fround(value * 1e4)),
        );
        await check(huge, seededNormal([4, 40], 4));
        const extremes = tf.tensor1d([3e38, -3e38, 3e38, -3e38]);
        expect(Array.from(await read(softmax(extremes, { path })))).toEqual([0.5, 0, 0.5, 0]);
      });

      it('gives 0 to -Infinity, and NaN throughout a row without a finite maximum', async () => {
        const inf = Number.POSITIVE_INFINITY;
        const x = tf.tensor2d([
          [0, -inf, 0],
          [1, Number.NaN, 2],
          [-inf, -inf, -inf],
          [1, inf, 2],
        ]);
        const y = Array.from(await read(softmax(x, { path })));
        expect(y.slice(0, 3)).toEqual([0.5, 0, 0.5]);
        expect(y.slice(3).every(Number.isNaN)).toBe(true);
      });

      it.each([[[0, 8]], [[3, 0]]])('takes the empty x %j', (shape) => {
        const x = tf.zeros(shape);
        expect(softmax(x, { path }).shape).toEqual(shape);
        expect(tf.grad((a) => softmax(a, { path }))(x).shape).toEqual(shape);
      });

      it('leaves no tensors behind', () => {
        const x = tf.ones([4, 8]);
        expect(leaked(() => softmax(x, { path }))).toBe(0);
        expect(leaked(() => tf.grad((a) => softmax(a, { path }))(x, x))).toBe(0);
      });
    });
  }

  if (name === 'webgpu') {
    it('takes the fused kernels unless told otherwise', async () => {
      const launched = launchedKernels();
      launched.reset();
      await read(tf.grad((x) => softmax(x))(tf.ones([2, 4])));
      expect(launched.list()).toEqual(['softmax.forward', 'softmax.backward']);
    });
  } else {
    it('refuses the fused path by name', () => {
      expect(() => softmax(tf.ones([2, 4]), { path: 'fused' })).toThrow(/softmax: path 'fused' needs/);
    });
  }
});

describe('softmax errors', () => {
  it('say what is wrong', () => {
    expect(() => softmax(tf.scalar(1))).toThrow(/softmax: x must be \[\.\.\., C\].* got a scalar/);
    expect(() => softmax(tf.ones([2], 'int32'))).toThrow(/softmax: x must be float32, got int32 \[2\]/);
  });
});
