/** Components on half tensors: against their oracles on every backend, by their f16 kernels and in float32. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { CheckedPath } from '../../../scripts/half/check.js';
import { halfChecks, runHalfCheck } from '../../../scripts/half/checks.js';
import { type HalfTensor, halfGrads, toFloat, toHalf } from '../../../src/compute/half/index.js';
import { launchedKernels } from '../../../src/compute/launch.js';
import { read } from '../../../src/compute/read.js';
import { tf } from '../../../src/compute/tf.js';
import type { GpuBackend } from '../../../src/compute/webgpu-backend.js';
import { gatedActivation, glu } from '../../../src/layers/activation/index.js';
import { attention } from '../../../src/layers/attention/index.js';
import { linear } from '../../../src/layers/linear/linear.js';
import { matmul } from '../../../src/layers/matmul/index.js';
import { layerNorm, rmsNorm } from '../../../src/layers/norm/index.js';
import { rope } from '../../../src/layers/position/index.js';
import { softmax } from '../../../src/layers/softmax/index.js';
import { crossEntropy } from '../../../src/training/loss/index.js';
import { leaked } from '../../support/numeric.js';
import { eachBackend } from '../backends.js';

const inf = Number.POSITIVE_INFINITY;
const values = async (half: HalfTensor) => Array.from(await read(toFloat(half)));

eachBackend((name) => {
  beforeEach(() => tf.engine().startScope());
  afterEach(() => tf.engine().endScope());

  for (const path of (name === 'webgpu' ? ['fused', 'composed'] : ['composed']) as CheckedPath[]) {
    describe(`half tensors, ${path}`, () => {
      it('match the oracles within the bounds of half precision', async () => {
        const failures: string[] = [];
        let count = 0;
        for (const make of halfChecks(path)) {
          const { name: check, failure } = await runHalfCheck(make);
          count += 1;
          if (failure) failures.push(`${check}: ${failure}`);
        }
        expect(failures).toEqual([]);
        expect(count).toBeGreaterThan(40);
      });

      it('keep NaN and Infinity where float32 would have them', async () => {
        const rows = toHalf(
          tf.tensor2d([
            [0, -inf],
            [1, Number.NaN],
            [1, inf],
          ]),
        );
        expect(await values(softmax(rows, { path }))).toEqual([1, 0, ...Array(4).fill(Number.NaN)]);
        const normed = await values(
          rmsNorm(
            toHalf(
              tf.tensor2d([
                [3, 4],
                [Number.NaN, 1],
              ]),
            ),
            toHalf(tf.ones([2])),
            { path },
          ),
        );
        expect(normed.map(Number.isNaN)).toEqual([false, false, true, true]);
        const turned = await values(rope(toHalf(tf.tensor2d([[Number.NaN, 1, 1, 1]])), [1], { path }));
        expect(turned.map(Number.isNaN)).toEqual([true, true, false, false]);
        const gated = gatedActivation(
          toHalf(tf.tensor1d([6e4, 1])),
          toHalf(tf.tensor1d([2, Number.NaN])),
          'silu',
          { path },
        );
        expect(await values(gated)).toEqual([inf, Number.NaN]);
      });

      it('show a NaN query in its row, a NaN key to those who see it', async () => {
        const clean = tf.ones([1, 1, 3, 4]);
        const mark = tf.reshape(tf.tensor1d([0, 0, 0, 0, Number.NaN, 0, 0, 0, 0, 0, 0, 0]), [1, 1, 3, 4]);
        const [good, bad] = [toHalf(clean), toHalf(tf.add(clean, mark))];
        const rows = async (q: HalfTensor, k: HalfTensor) => {
          const out = await values(attention(q, k, good, { causal: true, path }));
          return [0, 1, 2].map((row) => Number.isNaN(out[4 * row]));
        };
        expect(await rows(bad, good)).toEqual([false, true, false]);
        expect(await rows(good, bad)).toEqual([false, true, true]);
      });

      it('may be empty', () => {
        const empty = toHalf(tf.zeros([0, 4]));
        expect(softmax(empty, { path }).shape).toEqual([0, 4]);
        expect(rmsNorm(empty, toHalf(tf.ones([4])), { path }).shape).toEqual([0, 4]);
        expect(rope(empty, [], { path }).shape).toEqual([0, 4]);
        expect(glu(empty, 'swiglu', { path }).shape).toEqual([0, 2]);
        expect(gatedActivation(empty, empty, 'silu', { path }).shape).toEqual([0, 4]);
        expect(layerNorm(empty, {}, { path }).shape).toEqual([0, 4]);
        const none = tf.zeros([0], 'int32');
        expect(crossEntropy(empty, none, { reduction: 'none', path }).shape).toEqual([0]);
        for (const run of [
          (at: HalfTensor) => softmax(at, { path }),
          (at: HalfTensor) => rmsNorm(at, toHalf(tf.ones([4])), { path }),
          (at: HalfTensor) => layerNorm(at, {}, { path }),
          (at: HalfTensor) => rope(at, [], { path }),
          (at: HalfTensor) => glu(at, 'swiglu', { path }),
          (at: HalfTensor) => gatedActivation(at, at, 'silu', { path }),
          (at: HalfTensor) => matmul(at, toHalf(tf.ones([4, 2])), { path }),
          (at: HalfTensor) => crossEntropy(at, none, { path }),
        ]) {
          const [gradient] = halfGrads(run)([empty]);
          expect([gradient.shape, gradient.packed.size]).toEqual([[0, 4], 0]);
        }
      });

      it.each([
        [
          [1, 2, 0, 4],
          [1, 2, 3, 4],
        ],
        [
          [1, 2, 3, 4],
          [1, 1, 0, 4],
        ],
      ])('attend with q %j, k and v %j', async (query, keys) => {
        const k = toHalf(tf.ones(keys));
        const out = attention(toHalf(tf.ones(query)), k, k, { path });
        expect(out.shape).toEqual(query);
        expect((await values(out)).every((value) => value === 0)).toBe(true);
        const attend = (q: HalfTensor, key: HalfTensor, v: HalfTensor) => attention(q, key, v, { path });
        const gradients = halfGrads(attend)([toHalf(tf.ones(query)), k, k]);
        expect(gradients.map(({ shape }) => shape)).toEqual([query, keys, keys]);
        for (const gradient of gradients) expect((await values(gradient)).every((x) => x === 0)).toBe(true);
      });

      it('leave no tensors behind', () => {
        const x = toHalf(tf.ones([1, 2, 3, 4]));
        const gain = toHalf(tf.ones([4]));
        const mask = tf.keep(tf.ones([3, 3], 'bool'));
        const targets = tf.keep(tf.zeros([1, 2, 3], 'int32'));
        for (const run of [
          (at: HalfTensor) => softmax(at, { path }),
          (at: HalfTensor) => rmsNorm(at, gain, { path }),
          (at: HalfTensor) => layerNorm(at, { gain, bias: gain }, { path }),
          (at: HalfTensor) => layerNorm(at, {}, { path }),
          (at: HalfTensor) => rope(at, [0, 1, 2], { path }),
          (at: HalfTensor) => glu(at, 'geglu', { path }),
          (at: HalfTensor) => gatedActivation(at, at, 'relu', { path }),
          (at: HalfTensor) => attention(at, at, at, { alibi: true, mask, path }),
          (at: HalfTensor) => matmul(at, at, { transposeB: true, path }),
          (at: HalfTensor) => crossEntropy(at, targets, { path }),
        ]) {
          expect(leaked(() => run(x))).toBe(0);
          expect(leaked(() => halfGrads(run)([x]))).toBe(0);
        }
      });
    });
  }

  if (name === 'webgpu') {
    it('take the f16 kernel unless told otherwise', async () => {
      const launched = launchedKernels();
      const x = toHalf(tf.ones([2, 4]));
      launched.reset();
      await values(softmax(x));
      await values(softmax(x, { path: 'composed' }));
      expect(launched.list()).toEqual(['softmax.forward.f16']);
    });

    it('are computed in float32 on a device without shader-f16, which says so', async () => {
      const { gpu } = tf.backend() as GpuBackend;
      const has = gpu.features;
      const without = has.filter((feature) => feature !== 'shader-f16');
      Object.assign(gpu, { features: without });
      try {
        const x = toHalf(tf.tensor2d([[1, 2, 3, 4]]));
        expect(() => softmax(x, { path: 'fused' })).toThrow(
          /softmax: path 'fused' does not support half tensors on this device.*shader-f16/,
        );
        const launched = launchedKernels();
        launched.reset();
        const sums = (await values(softmax(x))).reduce((a, b) => a + b);
        expect(Math.abs(sums - 1)).toBeLessThan(4 * 2 ** -11);
        const [gradient] = halfGrads((at: HalfTensor) => softmax(at))([x], tf.tensor2d([[1, 0, 0, 0]]));
        expect((await values(gradient))[0]).toBeGreaterThan(0);
        expect(launched.list().filter((kernel) => kernel.includes('f16'))).toEqual([]);
      } finally {
        Object.assign(gpu, { features: has });
      }
    });
  }
});

describe('errors', () => {
  it('name the input that is no half tensor', () => {
    const half = toHalf(tf.ones([1, 1, 2, 4]));
    const float = tf.ones([1, 1, 2, 4]);
    expect(() => attention(half, half, float as never)).toThrow(
      /attention: v must be a half tensor .*toHalf\(v\)/,
    );
    expect(() => rmsNorm(half, tf.ones([4]) as never)).toThrow(/rmsNorm: gain must be a half tensor/);
    expect(() => layerNorm(half, { bias: tf.ones([4]) as never })).toThrow(/layerNorm: bias must be a half/);
    expect(() => gatedActivation(float as never, half as never, 'relu')).toThrow(
      /value must be a half tensor/,
    );
  });
  it('say where half tensors are not taken', () => {
    const half = toHalf(tf.ones([2, 4]));
    expect(() => linear(half as never, tf.ones([3, 4]))).toThrow(
      /linear: x is a half tensor \[2,4\], which it does not take; convert it with toFloat\(x\)/,
    );
  });
  it('print shapes as for float32', () => {
    const half = toHalf(tf.ones([2, 3]));
    expect(() => glu(half)).toThrow(/cannot be halved/);
    expect(() => rope(half, [0, 1])).toThrow(/D must be even/);
    expect(() => rmsNorm(half, toHalf(tf.ones([4])))).toThrow(/x \[2,3\] and gain \[4\]/);
    expect(() => softmax(toHalf(tf.scalar(1)))).toThrow(/got a scalar/);
    expect(() => layerNorm(half, { gain: toHalf(tf.ones([2])) })).toThrow(
      /layerNorm: gain must be .* for x \[2,3\], got \[2\]/,
    );
    expect(() => crossEntropy(half, tf.zeros([3], 'int32'))).toThrow(/logits \[2,3\] and targets \[3\]/);
  });
});
