/**
 * Repairs of what tfjs 4.22 lacks around picking, placing and comparing elements, and of shapes that are empty or have
 * many axes; every one of these fails on tfjs as published.
 */
import { describe, expect, it } from 'vitest';
import { ndarray } from '../../src/compute/ndarray.js';
import { read } from '../../src/compute/read.js';
import { tf } from '../../src/compute/tf.js';
import { eachBackend } from './backends.js';
import { type Adjust, expectGradient } from './finite-differences.js';

const ints = (values: number[], shape: number[]) => tf.tensor(values, shape, 'int32');
const numbers = async (tensor: tf.Tensor) => Array.from(await read(tensor));
/** On the device, not on the CPU where the values were written. */
const ranged = (...shape: number[]) =>
  tf
    .range(1, shape.reduce((a, b) => a * b, 1) + 1)
    .reshape(shape)
    .mul(1);

/** Two zeros in every row of four: where dividing by an element fails. */
const withZeros: Adjust = ({ shape, data }) =>
  ndarray(
    shape,
    data.map((value, n) => (n % 4 === 1 || n % 8 === 3 ? 0 : value)),
  );

describe('gradients of picking and placing', () => {
  eachBackend(() => {
    it('gatherND adds up what was picked twice', async () => {
      await expectGradient((x) => tf.gatherND(x!, ints([0, 1, 2, 0, 2, 0], [3, 2])).square(), [[3, 2]]);
      await expectGradient((x) => tf.gatherND(x!, ints([2, 2], [2, 1])).square(), [[3, 2]]);
    });

    it('scatterND', () =>
      expectGradient((u) => tf.scatterND(ints([3, 1, 3], [3, 1]), u!, [5, 2]).square(), [[3, 2]]));

    it('tensorScatterUpdate, for what was there and for what replaces it', () =>
      expectGradient(
        (x, u) => tf.tensorScatterUpdate(x!, ints([3, 1], [2, 1]), u!).square(),
        [
          [5, 2],
          [2, 2],
        ],
      ));

    it('tensorScatterUpdate leaves its input as it was', async () => {
      const x = ranged(4);
      expect(await numbers(tf.tensorScatterUpdate(x, ints([1], [1, 1]), tf.tensor([9])))).toEqual([
        1, 9, 3, 4,
      ]);
      expect(await numbers(x)).toEqual([1, 2, 3, 4]);
    });

    it('stridedSlice, forwards, backwards, and with an axis dropped', async () => {
      await expectGradient((x) => tf.stridedSlice(x!, [0, 1], [3, 4], [2, 2]).square(), [[3, 4]]);
      await expectGradient((x) => tf.stridedSlice(x!, [4], [0], [-3]).square(), [[5]]);
      await expectGradient(
        (x) => tf.stridedSlice(x!, [1, 0], [2, 4], [1, 3], 0, 0, 0, 0, 1).square(),
        [[3, 4]],
      );
    });

    it('stridedSlice of integers stays one of integers', async () => {
      const y = tf.stridedSlice(ints([1, 2, 3, 4, 5], [5]), [0], [5], [2]);
      expect(y.dtype).toBe('int32');
      expect(await numbers(y)).toEqual([1, 3, 5]);
    });

    it.each([
      [0, false, false],
      [1, true, false],
      [-1, false, true],
      [1, true, true],
    ])('cumprod over axis %i, exclusive %s, reverse %s, also at zeros', (axis, exclusive, reverse) =>
      expectGradient((x) => tf.cumprod(x!, axis, exclusive, reverse), [[3, 4]], withZeros),
    );

    it('prod over one axis and over several, also at zeros', async () => {
      await expectGradient((x) => tf.prod(x!, 1), [[2, 4]], withZeros);
      await expectGradient((x) => tf.prod(x!, [0, 2]), [[2, 3, 2]], withZeros);
    });
  });
});

describe('indices out of bounds', () => {
  eachBackend(() => {
    it.each<[string, () => tf.Tensor]>([
      ['gather', () => tf.gather(ranged(2), ints([5], [1]))],
      ['gather, negative', () => tf.gather(ranged(2, 2), ints([-1], [1]), 1)],
      ['gatherND', () => tf.gatherND(ranged(2), ints([5], [1, 1]))],
      ['gatherND within the size but not the shape', () => tf.gatherND(ranged(3, 2), ints([0, 3], [1, 2]))],
      ['scatterND', () => tf.scatterND(ints([5], [1, 1]), ranged(1), [2])],
      ['tensorScatterUpdate', () => tf.tensorScatterUpdate(ranged(2), ints([5], [1, 1]), ranged(1))],
      ['sparseToDense', () => tf.sparseToDense(ints([5], [1]), tf.tensor([1]), [2], tf.scalar(0))],
    ])('are refused where they can be seen: %s', (_name, run) => {
      expect(run).toThrow(/not in \[0|does not index/);
    });

    it('pick zeros or are refused where a computation made them', async () => {
      const far = tf.range(5, 6, 1, 'int32').add(tf.scalar(0, 'int32'));
      try {
        expect(await numbers(tf.gather(ranged(2), far))).toEqual([0]);
      } catch (error) {
        expect((error as Error).message).toMatch(/not in \[0/);
      }
    });
  }, ['webgpu', 'wasm', 'cpu']);
});

describe('kernels that only the cpu backend has', () => {
  eachBackend(() => {
    it('run there and come back, with their gradients, and leave nothing behind', async () => {
      const before = tf.memory();
      const x = tf.tensor([3, 1, 3]).mul(2);
      const { values, indices } = tf.unique(x);
      expect([await numbers(values), await numbers(indices)]).toEqual([
        [6, 2],
        [0, 1, 0],
      ]);
      expect(await numbers(tf.bitwiseAnd(ints([6, 5], [2]), ints([3, 4], [2])))).toEqual([2, 4]);
      const words = tf.string.stringSplit(['a b', 'c'], ' ');
      expect(await words.values!.data()).toEqual(['a', 'b', 'c']);
      const ragged = tf.raggedGather([ints([0, 2, 3], [3])], ranged(3), ints([1, 0], [2]), 1);
      expect(await numbers(ragged.outputDenseValues)).toEqual([3, 1, 2]);
      const through = tf.grad((t) => tf.einsum('i,j->', t, tf.tensor([1, 2])))(x);
      expect(await numbers(through)).toEqual([3, 3, 3]);
      tf.dispose([x, values, indices, words, ragged, through] as unknown as tf.Tensor[]);
      expect(tf.memory().numDataBuffers - before.numDataBuffers).toBeLessThan(16);
    });
  }, ['webgpu', 'wasm', 'cpu']);
});

describe('gradients through comparisons', () => {
  eachBackend(() => {
    it('where and a comparison of the same values', async () => {
      const leaky = (x: tf.Tensor) => tf.where(x.greater(0), x, x.mul(0.1));
      expect(await numbers(tf.grad(leaky)(tf.tensor([-2, 3, 5])))).toEqual([Math.fround(0.1), 1, 1]);
      const finite = (x: tf.Tensor) => tf.where(tf.isFinite(x).logicalNot(), tf.zerosLike(x), x.square());
      expect(await numbers(tf.grad(finite)(tf.tensor([-2, 3])))).toEqual([-4, 6]);
    });

    it('divNoNan, with zero where it divides by zero', async () => {
      const [a, b] = [tf.tensor([1, 2, 3, 0]), tf.tensor([2, 0, 4, 0])];
      const [da, db] = tf.grads((x, y) => tf.divNoNan(x!, y!))([a, b]);
      expect(await numbers(da!)).toEqual([0.5, 0, 0.25, 0]);
      expect(await numbers(db!)).toEqual([-0.25, 0, -0.1875, 0].map((v) => v || expect.closeTo(0)));
      await expectGradient((x, y) => tf.div(x!, y!.square().add(1)), [[2, 3], [3]]);
    });

    it('division by zero still says so', async () => {
      const [da, db] = tf.grads((x, y) => tf.div(x!, y!))([tf.tensor([1]), tf.tensor([0])]);
      expect(await numbers(da!)).toEqual([Infinity]);
      expect(await numbers(db!)).toEqual([-Infinity]);
    });
  });
});

describe('shapes', () => {
  eachBackend((name) => {
    it('oneHot of floats', async () => {
      const hot = tf.oneHot(ints([1, 0], [2]), 3, 2, -1, 'float32');
      expect(hot.dtype).toBe('float32');
      expect(await numbers(hot.mul(0.5))).toEqual([-0.5, 1, -0.5, 1, -0.5, -0.5]);
    });

    it('mirrorPad of rank 5', async () => {
      const pads = [0, 0, 1, 0, 1].map((n) => [n, n] as [number, number]);
      const padded = tf.mirrorPad(ranged(1, 1, 2, 1, 2), pads, 'reflect');
      expect(padded.shape).toEqual([1, 1, 4, 1, 4]);
      expect(await numbers(padded)).toEqual([4, 3, 4, 3, 2, 1, 2, 1, 4, 3, 4, 3, 2, 1, 2, 1]);
    });

    it('rank 7 is right or refused with the shape, never garbage', async () => {
      const shape = [1, 2, 1, 2, 1, 1, 1];
      const x = tf.range(1, 5).reshape(shape);
      const sum = () => x.add(1);
      const pad = () =>
        tf.pad(x, shape.map((_, axis) => (axis === 1 ? [0, 1] : [0, 0])) as [number, number][], 9);
      if (name === 'webgpu') {
        expect(sum).toThrow(
          `shape [${shape}] has rank 7; webgpu handles at most 6: reshape some axes into one`,
        );
      } else {
        expect(await numbers(sum())).toEqual([2, 3, 4, 5]);
      }
      expect(await numbers(pad())).toEqual([1, 2, 3, 4, 9, 9]);
    });

    it('nothing at all: softmax, gather and its gradient, einsum, concat, matMul and sum', async () => {
      expect(tf.softmax(tf.zeros([2, 0])).shape).toEqual([2, 0]);
      const none = ints([], [0]);
      expect(await numbers(tf.grad((x) => tf.gather(x, none))(ranged(3, 2)))).toEqual([0, 0, 0, 0, 0, 0]);
      expect(await numbers(tf.grad((x) => tf.gatherND(x, ints([], [0, 1])))(ranged(3, 2)))).toEqual(
        Array(6).fill(0),
      );
      expect(await numbers(tf.einsum('ij,jk->ik', tf.zeros([2, 0]), tf.zeros([0, 2])))).toEqual([0, 0, 0, 0]);
      const [left, right] = tf.grads((a, b) => tf.concat([a!, b!], 1).square())([
        tf.zeros([2, 0]),
        ranged(2, 2),
      ]);
      expect(left!.shape).toEqual([2, 0]);
      expect(await numbers(right!)).toEqual([2, 4, 6, 8]);
      const [a, b] = tf.grads((x, y) => tf.matMul(x!, y!))([tf.zeros([2, 0]), tf.zeros([0, 3])]);
      expect([a!.shape, b!.shape]).toEqual([
        [2, 0],
        [0, 3],
      ]);
      expect(tf.grad((x) => x.sum(0))(tf.zeros([0, 3])).shape).toEqual([0, 3]);
      expect(await numbers(tf.zeros([0, 3]).sum(0))).toEqual([0, 0, 0]);
    });
  });
});
