/**
 * The kernels that work on rows, in the form for devices without subgroups: the device of this machine may have them, and
 * then every other test takes the other form.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ndarray } from '../../src/compute/ndarray.js';
import { seededNormal } from '../../src/compute/random.js';
import { fromNdArray, read } from '../../src/compute/read.js';
import { rowCode, rowVariant } from '../../src/compute/rows.wgsl.js';
import { tf } from '../../src/compute/tf.js';
import type { GpuBackend } from '../../src/compute/webgpu-backend.js';
import { layerNorm } from '../../src/layers/norm/layer-norm.js';
import { layerNormGradientOracle, layerNormOracle } from '../../src/layers/norm/norm-oracle.js';
import { rmsNorm, rmsNormGradientOracle, rmsNormOracle } from '../../src/layers/norm/rms-norm.js';
import { softmax, softmaxGradientOracle, softmaxOracle } from '../../src/layers/softmax/index.js';
import { crossEntropy } from '../../src/training/loss/cross-entropy.js';
import {
  crossEntropyGradientOracle,
  crossEntropyOracle,
} from '../../src/training/loss/cross-entropy-oracle.js';
import { crossEntropyErrors } from '../../src/workbench/golden/bounds/cross-entropy.js';
import { layerNormErrors } from '../../src/workbench/golden/bounds/normalization.js';
import { rmsNormErrors } from '../../src/workbench/golden/bounds/rms-norm.js';
import { softmaxErrors } from '../../src/workbench/golden/bounds/softmax.js';
import { expectComponent, expectWithin } from '../support/numeric.js';
import { eachBackend } from './backends.js';

const path = 'fused';
const eps = 1e-5;

describe('rows without subgroups', () => {
  eachBackend(() => {
    let restore: () => void;
    beforeAll(() => {
      const gpu = (tf.backend() as GpuBackend).gpu as { features: readonly string[] };
      const { features } = gpu;
      gpu.features = features.filter((feature) => feature !== 'subgroups');
      restore = () => {
        gpu.features = features;
      };
    });
    afterAll(() => restore());

    it('take the other form', () => {
      expect(rowVariant(8)).toMatchObject({ width: 4, subgroups: false });
      expect(rowCode(rowVariant(8))).not.toContain('subgroup');
    });

    // Shorter and longer than a workgroup. How many columns are read at once is another matter, tested everywhere else;
    // each combination takes software Vulkan a second to compile.
    const shapes = [[[3, 8]], [[2, 1032]]] as [number[]][];

    it.each([...shapes, [[2, 131]], [[1, 1]]] as [number[]][])('softmax of %j', (shape) => {
      const [x, dy] = [seededNormal(shape, 1, 3), seededNormal(shape, 2)];
      const { out, x: slope } = softmaxErrors(x, dy);
      const expected = { out: softmaxOracle(x), gradients: { x: softmaxGradientOracle(x, dy) } };
      return expectComponent(({ x }) => softmax(x, { path }), { x }, dy, expected, { out, x: slope });
    });

    it.each(shapes)('rmsNorm of %j', (shape) => {
      const [x, gain] = [seededNormal(shape, 1), seededNormal(shape.slice(-1), 2)];
      const dy = seededNormal(shape, 3);
      const expected = {
        out: rmsNormOracle(x, gain, eps),
        gradients: rmsNormGradientOracle(x, gain, dy, eps),
      };
      const run = ({ x, gain }: Record<'x' | 'gain', tf.Tensor>) => rmsNorm(x, gain, { eps, path });
      return expectComponent(run, { x, gain }, dy, expected, rmsNormErrors(x, gain, dy, eps));
    });

    it.each(shapes)('layerNorm of %j', (shape) => {
      const affine = { gain: seededNormal(shape.slice(-1), 2), bias: seededNormal(shape.slice(-1), 3) };
      const [x, dy] = [seededNormal(shape, 1), seededNormal(shape, 4)];
      const expected = {
        out: layerNormOracle(x, affine, eps),
        gradients: layerNormGradientOracle(x, affine, dy, eps),
      };
      const run = ({ x, gain, bias }: Record<'x' | 'gain' | 'bias', tf.Tensor>) =>
        layerNorm(x, { gain, bias }, { eps, path });
      return expectComponent(run, { x, ...affine }, dy, expected, layerNormErrors(x, affine, dy, 1, eps));
    });

    it.each(shapes)('cross-entropy over %j', async (shape) => {
      const [positions, V] = shape as [number, number];
      const logits = seededNormal(shape, 1, 3);
      const targets = ndarray(
        [positions],
        Array.from({ length: positions }, (_, n) => (n * 5 + 2) % V),
      );
      const bounds = crossEntropyErrors(logits, targets, 1.5, -100);
      const run = (x: tf.Tensor) => crossEntropy(x, fromNdArray(targets, 'int32'), { path });
      await expectWithin('loss', run(fromNdArray(logits)), crossEntropyOracle(logits, targets), bounds.loss);
      const gradient = tf.grad(run)(fromNdArray(logits), tf.scalar(1.5));
      const expected = crossEntropyGradientOracle(logits, targets, 1.5);
      await expectWithin('gradient', gradient, expected, bounds.logits!);
    });

    it('keep NaN and infinity in their rows', async () => {
      const x = tf.tensor2d([
        [0, Number.NEGATIVE_INFINITY, 0],
        [1, Number.NaN, 2],
        [3e38, -3e38, 3e38],
      ]);
      const y = Array.from(await read(softmax(x, { path })));
      expect(y).toEqual([0.5, 0, 0.5, Number.NaN, Number.NaN, Number.NaN, 0.5, 0, 0.5]);
    });
  }, ['webgpu']);
});
