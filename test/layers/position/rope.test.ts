import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { launchedKernels } from '../../../src/compute/launch.js';
import { ndarray } from '../../../src/compute/ndarray.js';
import { seededNormal } from '../../../src/compute/random.js';
import { fromNdArray, read, toNdArray } from '../../../src/compute/read.js';
import { tf } from '../../../src/compute/tf.js';
import { type RopeLayout, rope, ropeGradientOracle, ropeOracle } from '../../../src/layers/position/rope.js';
import { ropeAngles } from '../../../src/layers/position/rope-table.js';
import { ropeErrors } from '../../../src/workbench/golden/bounds/rope.js';
import { exact } from '../../../src/workbench/golden/running-error.js';
import { eachBackend } from '../../compute/backends.js';
import { differences, distance, expectWithin, leaked } from '../../support/numeric.js';

const layouts: RopeLayout[] = ['interleaved', 'half'];
/** Zero, negative, fractional and large positions. */
const positions = [0, 1, 2.5, 100, -3, 131071, 0.125];

describe('rope oracle', () => {
  it('rotates a pair by the angle of its position', () => {
    const x = ndarray([1, 2], [1, 0]);
    const y = ropeOracle(x, [Math.PI / 6]);
    expect(distance(y, ndarray([1, 2], [Math.sqrt(3) / 2, 0.5]))).toBeLessThan(1e-15);
  });

  it('uses the frequencies base^(-2i/D)', () => {
    expect(Array.from(ropeAngles([2], 8, 10_000))).toEqual(
      [2, 0.2, 0.02, 0.002].map((angle) => expect.closeTo(angle, 15)),
    );
  });

  it.each(layouts)('gives scores that depend on the offset alone (%s)', (layout) => {
    const score = (m: number, n: number) => {
      const q = ropeOracle(seededNormal([1, 64], 1), [m], { layout });
      const k = ropeOracle(seededNormal([1, 64], 2), [n], { layout });
      return q.data.reduce((sum, value, d) => sum + value * k.data[d]!, 0);
    };
    expect(Math.abs(score(5, 3) - score(1007, 1005))).toBeLessThan(1e-11);
    expect(Math.abs(score(5, 3) - score(3, 5))).toBeGreaterThan(1e-3);
  });

  it.each(layouts)('has the gradient of its own forward pass (%s)', (layout) => {
    const [x, dy] = [seededNormal([2, 3, 6], 1), seededNormal([2, 3, 6], 2)];
    const at = [0.5, 2, 7];
    const byDifferences = differences((moved) => ropeOracle(moved, at, { layout }), x, dy);
    expect(distance(ropeGradientOracle(dy, at, { layout }), byDifferences)).toBeLessThan(1e-8);
  });
});

eachBackend((name) => {
  beforeEach(() => tf.engine().startScope());
  afterEach(() => tf.engine().endScope());

  for (const path of name === 'webgpu' ? (['fused', 'composed'] as const) : (['composed'] as const)) {
    describe(`rope ${path}`, () => {
      for (const layout of layouts) {
        it.each([[[2, 3, 7, 10]], [[7, 2]], [[1, 7, 64]], [[2, 1, 3, 7, 6]]])(
          `matches the oracle, forward and backward, ${layout}, x %j`,
          async (shape) => {
            const [x, dy] = [seededNormal(shape, 1), seededNormal(shape, 2)];
            const options = { layout, base: 500_000 };
            const run = (a: tf.Tensor) => rope(a, positions, { ...options, path });
            const bound = (a: typeof x, direction: 1 | -1) =>
              ropeErrors(exact(a), positions, layout, 500_000, direction);
            const dx = tf.grad(run)(fromNdArray(x), fromNdArray(dy));
            await expectWithin('rope', run(fromNdArray(x)), ropeOracle(x, positions, options), bound(x, 1));
            await expectWithin('rope dx', dx, ropeGradientOracle(dy, positions, options), bound(dy, -1));
          },
        );
      }

      it('takes positions as numbers, typed arrays and tensors', async () => {
        const x = tf.randomNormal([3, 4]);
        const given = [
          [0, 2, 4],
          Float32Array.of(0, 2, 4),
          tf.tensor1d([0, 2, 4]),
          tf.tensor1d([0, 2, 4], 'int32'),
        ];
        const [first, ...others] = await Promise.all(given.map((p) => toNdArray(rope(x, p, { path }))));
        for (const other of others) expect(other).toEqual(first);
      });

      it('keeps NaN in its pair', async () => {
        const x = tf.tensor2d([[Number.NaN, 1, 2, 3]]);
        const y = await read(rope(x, [1], { path }));
        expect(Array.from(y, Number.isNaN)).toEqual([true, true, false, false]);
      });

      it.each([[[2, 0, 4]], [[0, 3, 4]], [[2, 3, 0]]])('takes the empty x %j', (shape) => {
        const at = Array.from({ length: shape[1]! }, (_, t) => t);
        const x = tf.zeros(shape);
        expect(rope(x, at, { path }).shape).toEqual(shape);
        expect(tf.grad((a) => rope(a, at, { path }))(x).shape).toEqual(shape);
      });

      it('leaves no tensors behind, whatever the number of tables', () => {
        const x = tf.ones([2, 3, 4]);
        expect(leaked(() => tf.tidy(() => rope(x, [0, 1, 2], { path })))).toBe(0);
        expect(leaked(() => tf.grad((a) => rope(a, [0, 1, 2], { path }))(x))).toBe(0);
        const fill = (from: number) => {
          for (let n = from; n < from + 20; n++) rope(x, [n, n, n], { path }).dispose();
        };
        fill(0);
        const before = tf.memory().numTensors;
        fill(1000);
        expect(tf.memory().numTensors).toBe(before);
      });
    });
  }

  if (name === 'webgpu') {
    it('takes the fused kernels unless told otherwise', async () => {
      const launched = launchedKernels();
      launched.reset();
      await read(rope(tf.ones([2, 4]), [0, 1], { path: 'composed' }));
      expect(launched.list()).toEqual([]);
      await read(tf.grad((x) => rope(x, [0, 1]))(tf.ones([2, 4])));
      expect(launched.count('rope.interleaved')).toBe(2);
    });

    it('reads positions that exist on the GPU only', () => {
      const onGpu = tf.add(tf.range(0, 3, 1), 1);
      const x = tf.ones([3, 4]);
      expect(rope(x, onGpu).arraySync()).toEqual(rope(x, tf.tensor1d([1, 2, 3])).arraySync());
    });
  }
});

describe('rope errors', () => {
  it('refuse an odd D, printing the shape', () => {
    expect(() => rope(tf.ones([2, 3]), [0, 1])).toThrow(/rope: D must be even.*\[2,3\] with D = 3/);
  });

  it('print both shapes when positions do not fit', () => {
    expect(() => rope(tf.ones([1, 2, 5, 4]), [0, 1])).toThrow(
      /rope: .*positions \[2\] for x \[1,2,5,4\] with T = 5/,
    );
  });

  it('name an unknown layout', () => {
    const layout = 'spiral' as RopeLayout;
    expect(() => rope(tf.ones([2, 4]), [0, 1], { layout })).toThrow(
      /layout must be 'interleaved' or 'half', got "spiral"/,
    );
  });
});
