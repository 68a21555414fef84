/** Each repair of tfjs 4.22 against loops or finite differences; every one of these fails on tfjs as published. */
import { describe, expect, it } from 'vitest';
import { type NdArray, ndarray, sizeOf } from '../../src/compute/ndarray.js';
import { seededNormal } from '../../src/compute/random.js';
import { fromNdArray, read } from '../../src/compute/read.js';
import { tf } from '../../src/compute/tf.js';
import { eachBackend, relativeError } from './backends.js';
import { type Adjust, expectGradient } from './finite-differences.js';

/** Position of each element of a shape, in row-major order. */
function* positions(shape: readonly number[]): Generator<number[]> {
  for (let flat = 0; flat < sizeOf(shape); flat++) {
    let rest = flat;
    yield shape
      .map((_, axis) => axis)
      .reverse()
      .map((axis) => {
        const extent = shape[axis]!;
        const index = rest % extent;
        rest = Math.floor(rest / extent);
        return index;
      })
      .reverse();
  }
}

/** Element at a position, axes of extent 1 broadcast, missing leading axes ignored. */
function at({ shape, data }: NdArray, position: readonly number[]): number {
  const own = position.slice(position.length - shape.length);
  return data[own.reduce((flat, index, axis) => flat * shape[axis]! + (shape[axis] === 1 ? 0 : index), 0)]!;
}

function matMulByLoops(a: NdArray, b: NdArray, batch: number[]): NdArray {
  const [rows, inner, columns] = [a.shape.at(-2)!, a.shape.at(-1)!, b.shape.at(-1)!];
  const shape = [...batch, rows, columns];
  const values = [...positions(shape)].map((position) => {
    const [row, column] = position.slice(-2) as [number, number];
    const outer = position.slice(0, -2);
    let sum = 0;
    for (let k = 0; k < inner; k++) sum += at(a, [...outer, row, k]) * at(b, [...outer, k, column]);
    return sum;
  });
  return ndarray(shape, values);
}

/** Values of two inputs that differ by at least an eighth, so that no difference quotient straddles a kink. */
const apart: Adjust = ({ shape, data }, which) =>
  ndarray(
    shape,
    data.map((value) => Math.round(value * 4) / 4 + which / 8),
  );

const integers = (shape: number[], modulus: number) =>
  ndarray(
    shape,
    Array.from({ length: sizeOf(shape) }, (_, i) => (i * 7 + 3) % modulus),
  );

describe('repairs of tfjs', () => {
  eachBackend((name) => {
    it.each([
      [
        [2, 1, 5, 3],
        [1, 3, 3, 4],
        [2, 3],
      ],
      [[3, 5, 2], [2, 4], [3]],
      [
        [2, 1, 1, 3],
        [3, 3, 2],
        [2, 3],
      ],
    ])('matMul broadcasts batch dimensions %j x %j', async (shapeA, shapeB, batch) => {
      const [a, b] = [seededNormal(shapeA, 1), seededNormal(shapeB, 2)];
      const product = tf.matMul(fromNdArray(a), fromNdArray(b));
      const expected = matMulByLoops(a, b, batch);
      expect(product.shape).toEqual(expected.shape);
      expect(relativeError(await read(product), expected.data)).toBeLessThan(1e-6);
      await expectGradient((x, y) => tf.matMul(x!, y!), [shapeA, shapeB]);
    });

    it.each([
      [true, false],
      [false, true],
      [true, true],
    ])('the gradient of matMul with transposes %s %s broadcasts', async (ta, tb) => {
      const shapes = [ta ? [2, 1, 3, 2] : [2, 1, 2, 3], tb ? [3, 2, 3] : [3, 3, 2]];
      await expectGradient((x, y) => tf.matMul(x!, y!, ta, tb), shapes);
    });

    it('matMul over nothing is zero, and of nothing is empty', async () => {
      expect(Array.from(await read(tf.matMul(tf.zeros([2, 0]), tf.zeros([0, 3]))))).toEqual([
        0, 0, 0, 0, 0, 0,
      ]);
      expect(tf.matMul(tf.zeros([0, 4]), tf.zeros([4, 3])).shape).toEqual([0, 3]);
    });

    // [batch, rows, inner, columns]: each is a program of its own on webgpu, with an inner dimension that ends in a tile.
    it.each([
      [2, 3, 5, 7],
      [2, 20, 5, 16],
      [2, 20, 36, 16],
      [1, 20, 2003, 13],
      [1, 20, 2004, 16],
      [300, 33, 5, 3],
      [300, 36, 20, 4],
      [600, 1, 5, 3],
    ])(
      'matMul keeps NaN and infinity in their column, %j x %j x %j x %j',
      async (batch, rows, inner, columns) => {
        const a = fromNdArray(seededNormal([batch, rows, inner], 1));
        const b = seededNormal([batch, inner, columns], 2);
        const turned = seededNormal([batch, columns, inner], 2);
        // The second column of the last matrix: what is behind the matrix before, and within reach of its own tiles.
        const last = (batch - 1) * inner * columns;
        b.data[last + 1] = Number.NaN;
        turned.data[last + inner] = Number.POSITIVE_INFINITY;
        for (const product of [
          tf.matMul(a, fromNdArray(b)),
          tf.matMul(a, fromNdArray(turned), false, true),
          tf.matMul(tf.transpose(a, [0, 2, 1]), fromNdArray(b), true),
        ]) {
          const wrong = (await read(product)).findIndex((value, n) => {
            const inColumn = n >= (batch - 1) * rows * columns && n % columns === 1;
            return Number.isFinite(value) === inColumn;
          });
          expect(wrong).toBe(-1);
        }
      },
    );

    it.each([
      [20, 2004, 16],
      [16, 2048, 40],
    ])('matMul is right where the inner dimension is long, %j x %j x %j', async (rows, inner, columns) => {
      const [a, b] = [seededNormal([rows, inner], 1), seededNormal([inner, columns], 2)];
      const expected = matMulByLoops(a, b, []);
      const [x, y] = [fromNdArray(a), fromNdArray(b)];
      for (const ta of [false, true]) {
        for (const tb of [false, true]) {
          const product = tf.matMul(ta ? tf.transpose(x) : x, tb ? tf.transpose(y) : y, ta, tb);
          expect(relativeError(await read(product), expected.data), `transposed ${ta} ${tb}`).toBeLessThan(
            2e-6,
          );
        }
      }
    });

    it('an operation that broadcasts to nothing has zeros for a gradient', async () => {
      for (const run of [tf.add, tf.sub, tf.mul, tf.div, tf.pow, tf.maximum]) {
        const [a, b] = tf.grads((x, y) => run(x!, y!))([tf.ones([0, 3]), tf.ones([1, 3])]);
        expect([a!.shape, Array.from(await read(b!))]).toEqual([
          [0, 3],
          [0, 0, 0],
        ]);
      }
    });

    it('gathers from nothing, and nothing, with a gradient', () => {
      const none = tf.tensor1d([], 'int32');
      for (const rows of [0, 2]) {
        const table = tf.ones([rows, 4]);
        expect(tf.gather(table, none).shape).toEqual([0, 4]);
        expect(tf.grad((t) => tf.gather(t, none))(table).shape).toEqual([rows, 4]);
      }
    });

    it('matMul still refuses inner dimensions that differ', () => {
      expect(() => tf.matMul(tf.zeros([2, 3]), tf.zeros([4, 5]))).toThrow();
    });

    it('cumsum and cumprod count a negative axis from the end', async () => {
      const x = tf.tensor([1, 2, 3, 4, 5, 6], [2, 3]);
      const sum = tf.cumsum(x, -1);
      expect(sum.shape).toEqual([2, 3]);
      expect(Array.from(await read(sum))).toEqual([1, 3, 6, 4, 9, 15]);
      expect(Array.from(await read(tf.cumprod(x, -2)))).toEqual([1, 2, 3, 4, 10, 18]);
    });

    it('the gradient of cumsum holds on every axis', async () => {
      await expectGradient((x) => tf.cumsum(x!, 0), [[4, 3]]);
      await expectGradient((x) => tf.cumsum(x!, -1, true, true), [[2, 3, 2]]);
    });

    it.each(['maximum', 'minimum', 'squaredDifference'] as const)(
      '%s has a broadcasting gradient',
      async (op) => {
        await expectGradient((a, b) => tf[op](a!, b!), [[2, 3, 4], [4]], apart);
        await expectGradient(
          (a, b) => tf[op](a!, b!),
          [
            [3, 1],
            [2, 1, 4],
          ],
          apart,
        );
      },
    );

    it('maximum gives the gradient of a tie to the first operand', async () => {
      const [a, b] = tf.grads((x, y) => tf.maximum(x!, y!))([tf.tensor([1, 2]), tf.tensor([1, 3])]);
      expect([...(await read(a!)), ...(await read(b!))]).toEqual([1, 0, 0, 1]);
    });

    it('einsum has a gradient, also for an index of one operand only', async () => {
      await expectGradient(
        (a, b) => tf.einsum('bij,jk->bik', a!, b!),
        [
          [2, 3, 2],
          [2, 4],
        ],
      );
      await expectGradient(
        (a, b) => tf.einsum('ij,ik->k', a!, b!),
        [
          [3, 2],
          [3, 4],
        ],
      );
    });

    it('topk has a gradient', () => expectGradient((x) => tf.topk(x!, 2).values.square(), [[3, 5]]));

    it('tile has a gradient above rank 4', () =>
      expectGradient((x) => tf.tile(x!, [1, 2, 1, 3, 2]), [[1, 2, 2, 1, 2]]));

    it('a single part of unstack and split has a gradient', async () => {
      await expectGradient((x) => tf.unstack(x!)[0]!.square(), [[1, 3]]);
      await expectGradient((x) => tf.split(x!, 1)[0]!.square(), [[2, 3]]);
    });

    it('casting integers to float32 converts them', async () => {
      const hot = tf.oneHot(tf.tensor([0, 1, 2, 2], [2, 2], 'int32'), 3).cast('float32');
      // Reading converts by itself; a float kernel on the kept integer buffer does not.
      expect(Array.from(await read(hot.sum(1)))).toEqual([1, 1, 0, 0, 0, 2]);
      expect(Array.from(await read(tf.tensor([2, 0, -3]).cast('bool')))).toEqual([1, 0, 1]);
    });

    it.each([
      [
        [4, 3],
        [1, 0],
      ],
      [
        [2, 3, 4],
        [2, 0, 1],
      ],
      [
        [2, 3, 2, 2, 3],
        [4, 2, 0, 3, 1],
      ],
      [
        [0, 3, 2],
        [2, 1, 0],
      ],
    ])('int32 and bool tensors of shape %j transpose by %j', async (shape, perm) => {
      for (const dtype of ['int32', 'bool'] as const) {
        const x = integers(shape, dtype === 'bool' ? 2 : 1000);
        const y = tf.transpose(fromNdArray(x, dtype), perm);
        const turned = [...positions(y.shape)].map((position) => {
          const source = Array<number>(shape.length);
          for (const [axis, from] of perm.entries()) source[from] = position[axis]!;
          return at(x, source);
        });
        expect(y.dtype).toBe(dtype);
        expect(Array.from(await read(y))).toEqual(turned);
      }
    });

    it('expm1 keeps its digits near zero', async () => {
      const x = [1e-7, -1e-5, 3e-4, -0.02, 0.49, -0.51, 2, -30, 0].map(Math.fround);
      const y = await read(tf.expm1(tf.tensor1d(x)));
      x.forEach((at, n) => {
        const expected = Math.expm1(at);
        expect(Math.abs(y[n]! - expected), `expm1(${at})`).toBeLessThanOrEqual(4e-7 * Math.abs(expected));
      });
      expect((await read(tf.expm1(tf.tensor1d([Number.NaN]))))[0]).toBeNaN();
    });

    it('reductions of int32 and bool over outer axes', async () => {
      const x = fromNdArray(integers([3, 4, 2], 13), 'int32');
      const rows = [0, 1].map((k) =>
        [0, 1, 2, 3].flatMap((j) => [0, 1, 2].map((i) => (((i * 4 + j) * 2 + k) * 7 + 3) % 13)),
      );
      expect(Array.from(await read(x.sum([0, 1])))).toEqual(rows.map((row) => row.reduce((a, b) => a + b)));
      expect(Array.from(await read(x.max([0, 1])))).toEqual(rows.map((row) => Math.max(...row)));
      expect(x.min([0, 1], true).shape).toEqual([1, 1, 2]);
      const flags = tf.tensor([1, 0, 1, 1, 0, 0, 1, 0], [2, 2, 2], 'bool');
      expect(Array.from(await read(tf.any(flags, 1)))).toEqual([1, 1, 1, 0]);
      expect(Array.from(await read(tf.all(flags, [0, 1])))).toEqual([0, 0]);
    });

    it('cumsum of int32 over an outer axis', async () => {
      const x = tf.tensor([1, 2, 3, 4, 5, 6, 7, 8], [2, 2, 2], 'int32');
      expect(Array.from(await read(tf.cumsum(x, 0)))).toEqual([1, 2, 3, 4, 6, 8, 10, 12]);
      expect(Array.from(await read(tf.cumsum(x, 1)))).toEqual([1, 2, 4, 6, 5, 6, 12, 14]);
    });

    it('sums over nothing are the neutral element', async () => {
      expect(Array.from(await read(tf.zeros([2, 0]).sum(-1)))).toEqual([0, 0]);
      expect(Array.from(await read(tf.zeros([2, 0]).prod(-1)))).toEqual([1, 1]);
    });

    it('gather has a gradient that adds up repeated rows', async () => {
      const table = tf.ones([4, 2]);
      const rows = tf.tensor([1, 1, 3], [3], 'int32');
      expect(Array.from(await read(tf.grad((t) => tf.gather(t, rows))(table)))).toEqual([
        0, 0, 2, 2, 0, 0, 1, 1,
      ]);
    });

    it(`leaves no tensor behind on ${name}`, () => {
      const before = tf.memory().numTensors;
      const flags = tf.tensor([1, 0, 1, 0, 0, 1], [3, 2], 'bool');
      tf.tidy(() => {
        tf.any(flags, 0);
        tf.cumsum(flags.cast('int32'), 0);
        tf.matMul(tf.ones([2, 1, 2, 3]), tf.ones([3, 3, 2]));
      });
      flags.dispose();
      expect(tf.memory().numTensors).toBe(before);
    });
  });
});
