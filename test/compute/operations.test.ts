/** The operations a language model is made of, values and gradients, on every backend against tfjs's cpu backend. */
import { beforeAll, describe, expect, it } from 'vitest';
import { useBackend } from '../../src/compute/backend.js';
import { seededNormal } from '../../src/compute/random.js';
import { fromNdArray, read } from '../../src/compute/read.js';
import { tf } from '../../src/compute/tf.js';
import { eachBackend, relativeError } from './backends.js';

interface Case {
  inputs: number[][];
  run: (...inputs: tf.Tensor[]) => tf.Tensor;
  /** Default: one rounding of float32 per term of the longest sum, generously. */
  tolerance?: number;
}

const ids = (...values: number[]) => tf.tensor(values, [values.length], 'int32');

const cases: Record<string, Case> = {
  'matMul, odd sizes': {
    inputs: [
      [7, 13],
      [13, 5],
    ],
    run: (a, b) => tf.matMul(a!, b!),
  },
  'matMul, both transposed': {
    inputs: [
      [13, 7],
      [5, 13],
    ],
    run: (a, b) => tf.matMul(a!, b!, true, true),
  },
  'matMul, long inner dimension': {
    inputs: [
      [3, 2048],
      [2048, 3],
    ],
    run: (a, b) => tf.matMul(a!, b!),
  },
  'matMul, one row': {
    inputs: [
      [1, 65],
      [65, 33],
    ],
    run: (a, b) => tf.matMul(a!, b!),
  },
  'batched matMul': {
    inputs: [
      [2, 3, 9, 16],
      [2, 3, 11, 16],
    ],
    run: (a, b) => tf.matMul(a!, b!, false, true),
  },
  softmax: { inputs: [[2, 3, 7, 33]], run: (x) => tf.softmax(x!) },
  'softmax of huge logits': { inputs: [[7, 33]], run: (x) => tf.softmax(x!.mul(1000)) },
  'logSoftmax over a vocabulary': { inputs: [[2, 5003]], run: (x) => tf.logSoftmax(x!) },
  'RMS norm': {
    inputs: [[5, 65], [65]],
    run: (x, g) => x!.mul(tf.rsqrt(x!.square().mean(-1, true).add(1e-6))).mul(g!),
  },
  'layer norm': {
    inputs: [[5, 65]],
    run: (x) => {
      const { mean, variance } = tf.moments(x!, -1, true);
      return x!.sub(mean).mul(tf.rsqrt(variance.add(1e-5)));
    },
  },
  silu: { inputs: [[5, 33]], run: (x) => x!.mul(tf.sigmoid(x!)) },
  'gelu with erf': { inputs: [[5, 33]], run: (x) => x!.mul(tf.erf(x!.mul(Math.SQRT1_2)).add(1)).mul(0.5) },
  'gelu with tanh': { inputs: [[5, 33]], run: (x) => x!.mul(tf.tanh(x!.add(x!.pow(3).mul(0.044715)))) },
  'embedding lookup': { inputs: [[50, 16]], run: (table) => tf.gather(table!, ids(3, 3, 49, 0, 3)) },
  'gather with batch dimensions': {
    inputs: [[2, 5, 3]],
    run: (x) =>
      tf.gather(
        x!,
        tf.tensor(
          [
            [4, 0],
            [1, 1],
          ],
          [2, 2],
          'int32',
        ),
        1,
        1,
      ),
  },
  'cross entropy': {
    inputs: [[9, 33]],
    run: (x) =>
      tf
        .logSoftmax(x!)
        .mul(tf.oneHot(ids(0, 1, 2, 3, 32, 5, 6, 7, 8), 33).cast('float32'))
        .sum(-1)
        .neg(),
  },
  'causal attention': {
    inputs: [
      [2, 3, 16, 8],
      [2, 3, 16, 8],
      [2, 3, 16, 8],
    ],
    run: (q, k, v) => {
      const row = tf.range(0, 16, 1, 'int32');
      const visible = tf.lessEqual(row.expandDims(0), row.expandDims(1));
      const scores = tf.matMul(q!, k!, false, true).mul(1 / Math.sqrt(8));
      return tf.matMul(tf.softmax(tf.where(visible, scores, tf.fill([16, 16], -1e30))), v!);
    },
  },
  'rotation by halves': {
    inputs: [
      [2, 3, 8, 16],
      [8, 8],
    ],
    run: (x, angle) => {
      const [a, b] = tf.split(x!, 2, -1) as [tf.Tensor, tf.Tensor];
      const [c, s] = [tf.cos(angle!), tf.sin(angle!)];
      return tf.concat([a.mul(c).sub(b.mul(s)), b.mul(c).add(a.mul(s))], -1);
    },
    // Vulkan promises no more for sin and cos; exact tables are made on the CPU.
    tolerance: 3e-4,
  },
  'transpose of heads': { inputs: [[2, 3, 5, 8]], run: (x) => tf.transpose(x!, [0, 2, 1, 3]) },
  'repeated heads': {
    inputs: [[2, 2, 5, 8]],
    run: (x) => x!.expandDims(2).tile([1, 1, 3, 1, 1]).reshape([2, 6, 5, 8]),
  },
  'band of a matrix': { inputs: [[7, 9]], run: (x) => tf.linalg.bandPart(x!, -1, 0) },
  'where, broadcast': {
    inputs: [
      [6, 8],
      [1, 8],
    ],
    run: (a, b) => tf.where(tf.lessEqual(tf.range(0, 8), 3), a!, tf.broadcastTo(b!, [6, 8])),
  },
  'slice, pad, concat': {
    inputs: [
      [6, 8],
      [2, 4],
    ],
    run: (a, b) =>
      tf.concat(
        [
          tf.pad(a!.slice([1, 2], [3, 4]), [
            [1, 0],
            [0, 0],
          ]),
          b!,
        ],
        0,
      ),
  },
  'top-k gate': {
    inputs: [[9, 8]],
    run: (x) => {
      const { values, indices } = tf.topk(x!, 2);
      return tf.oneHot(indices, 8).cast('float32').mul(tf.softmax(values).expandDims(-1)).sum(1);
    },
  },
  'einsum of scores': {
    inputs: [
      [2, 4, 8],
      [3, 8, 6],
    ],
    run: (x, w) => tf.einsum('btd,edf->btef', x!, w!),
  },
  'einsum that sums an index of one operand': {
    inputs: [
      [4, 5],
      [4, 3],
    ],
    run: (a, b) => tf.einsum('ij,ik->k', a!, b!),
  },
  'sum, mean, max over outer axes': {
    inputs: [[4, 5, 6]],
    run: (x) => tf.stack([x!.sum([0, 2]), x!.mean([0, 2]), x!.max([0, 2])]),
  },
  'tile of rank 5': { inputs: [[2, 1, 3, 1, 2]], run: (x) => tf.tile(x!, [1, 2, 2, 3, 1]) },
  'tile of rank 6 by nothing': { inputs: [[2, 1, 3, 1, 2, 1]], run: (x) => tf.tile(x!, [1, 1, 1, 1, 1, 1]) },
  'pad of rank 5': {
    inputs: [[2, 1, 3, 2, 2]],
    run: (x) =>
      tf.pad(
        x!,
        [
          [0, 0],
          [1, 0],
          [0, 2],
          [0, 0],
          [1, 1],
        ],
        0.5,
      ),
  },
  'reverse of rank 5': { inputs: [[2, 1, 3, 2, 2]], run: (x) => tf.reverse(x!, [0, 2, -1]) },
  'cumsum of rank 6': { inputs: [[2, 1, 3, 2, 1, 2]], run: (x) => tf.cumsum(x!, 2, true, true) },
  'cumprod of rank 5': { inputs: [[2, 1, 3, 1, 2]], run: (x) => tf.cumprod(x!, -3) },
  'strided slice of rank 5': {
    inputs: [[2, 1, 5, 2, 3]],
    run: (x) => tf.stridedSlice(x!, [0, 0, 4, 1, 0], [2, 1, 0, 2, 3], [1, 1, -2, 1, 2], 0, 0, 0, 0, 8),
  },
  'where of rank 6': {
    inputs: [[2, 1, 3, 2, 1, 2]],
    run: (x) => tf.where(x!.greater(0), x!.square(), x!.mul(3)),
  },
  'power of rank 5': { inputs: [[2, 1, 3, 2, 1]], run: (x) => tf.pow(x!.square().add(1), tf.scalar(1.5)) },
  'leaky slopes of another shape': {
    inputs: [
      [2, 3, 4],
      [3, 1],
    ],
    run: (x, slope) => tf.prelu(x!, slope!),
  },
  'cumsum over an outer axis': { inputs: [[17, 3]], run: (x) => tf.cumsum(x!, 0) },
};

/** Values and gradients of the scalar sum(weights * result), so that every output counts differently. */
async function evaluate({ inputs, run }: Case): Promise<Array<ArrayLike<number>>> {
  const tensors = inputs.map((shape, i) => fromNdArray(seededNormal(shape, i + 1)));
  const value = run(...tensors);
  const weights = fromNdArray(seededNormal(value.shape, 99));
  const gradients = tf.grads((...xs) => run(...xs))(tensors, weights);
  return Promise.all([value, ...gradients].map(read));
}

const expected = new Map<string, Array<ArrayLike<number>>>();
beforeAll(async () => {
  await useBackend('cpu');
  for (const [name, test] of Object.entries(cases)) expected.set(name, await evaluate(test));
});

describe('values and gradients', () => {
  eachBackend(() => {
    it.each(Object.entries(cases))('%s', async (name, test) => {
      const actual = await evaluate(test);
      const errors = actual.map((values, i) => relativeError(values, expected.get(name)![i]!));
      for (const error of errors) expect(error).toBeLessThan(test.tolerance ?? 2e-5);
    });
  }, ['webgpu', 'tensorflow', 'wasm']);
});

describe('special values', () => {
  eachBackend(() => {
    const odd = () => tf.tensor([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 1]);
    it('NaN and infinity pass through sums', async () => {
      expect(Array.from(await read(odd().add(1)))).toEqual([Number.NaN, Infinity, -Infinity, 2]);
    });
    it('isNaN finds them', async () => {
      expect(Array.from(await read(tf.isNaN(odd())))).toEqual([1, 0, 0, 0]);
    });
    it('an empty tensor stays empty', async () => {
      const y = tf.zeros([0, 4]).add(1);
      expect(y.shape).toEqual([0, 4]);
      expect((await read(y)).length).toBe(0);
    });
  });
});
