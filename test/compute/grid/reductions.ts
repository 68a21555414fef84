/** Operations along axes: reductions over every set of axes, cumulative sums and products, order, softmax. */
import { tf } from '../../../src/compute/tf.js';
import {
  at,
  build,
  type Dtype,
  type GridCase,
  sample,
  sizeOf,
  tensor,
  type Values,
  withElements,
} from './case.js';

interface Reduction {
  run: (x: tf.Tensor, axis: number[], keepDims: boolean) => tf.Tensor;
  of: (xs: number[]) => number;
  takes: Dtype[];
  result: (dtype: Dtype) => Dtype;
  /** Has no value over no elements. */
  needsOne?: boolean;
  single?: boolean;
}

const summed = (dtype: Dtype): Dtype => (dtype === 'float32' ? 'float32' : 'int32');
const same = (dtype: Dtype) => dtype;
/** Passes over NaN, as tfjs's own tests ask; the first of equal values. */
const best = (better: (a: number, b: number) => boolean) => (xs: number[]) =>
  xs.reduce(
    (chosen, x, n) => (better(x, xs[chosen]!) || (Number.isNaN(xs[chosen]) && !Number.isNaN(x)) ? n : chosen),
    0,
  );

const reductions: Record<string, Reduction> = {
  All: { run: tf.all, of: (xs) => Number(xs.every(Boolean)), takes: ['bool'], result: same },
  Any: { run: tf.any, of: (xs) => Number(xs.some(Boolean)), takes: ['bool'], result: same },
  ArgMax: {
    run: (x, [axis]) => tf.argMax(x, axis),
    of: best((a, b) => a > b),
    takes: ['float32', 'int32'],
    result: () => 'int32',
    needsOne: true,
    single: true,
  },
  ArgMin: {
    run: (x, [axis]) => tf.argMin(x, axis),
    of: best((a, b) => a < b),
    takes: ['float32', 'int32'],
    result: () => 'int32',
    needsOne: true,
    single: true,
  },
  Max: { run: tf.max, of: (xs) => Math.max(...xs), takes: ['float32', 'int32'], result: same },
  Mean: {
    run: tf.mean,
    of: (xs) => xs.reduce((a, b) => a + b, 0) / xs.length,
    takes: ['float32', 'int32', 'bool'],
    result: () => 'float32',
  },
  Min: { run: tf.min, of: (xs) => Math.min(...xs), takes: ['float32', 'int32'], result: same },
  Prod: {
    run: tf.prod,
    of: (xs) => xs.reduce((a, b) => a * b, 1),
    takes: ['float32', 'int32', 'bool'],
    result: summed,
  },
  Sum: {
    run: tf.sum,
    of: (xs) => xs.reduce((a, b) => a + b, 0),
    takes: ['float32', 'int32', 'bool'],
    result: summed,
  },
};

const places: [number[], number[][]][] = [
  [[], [[]]],
  [[1], [[0]]],
  [[5], [[0], [-1]]],
  [
    [3, 4],
    [[0], [1], [0, 1]],
  ],
  [
    [2, 3, 4],
    [[0], [1], [-1], [0, 2], [0, 1, 2]],
  ],
  [
    [2, 3, 2, 2],
    [[1], [0, 3], [1, 2]],
  ],
  [
    [2, 1, 3, 2, 2],
    [[2], [0, 4], [1, 3]],
  ],
  [
    [1, 2, 2, 1, 3, 2],
    [[4], [0, 2, 5]],
  ],
  [
    [0, 3],
    [[0], [1], [0, 1]],
  ],
  [
    [2, 0],
    [[1], [0]],
  ],
  [
    [3, 300],
    [[1], [0]],
  ],
];

function reduced(x: Values, axes: number[], keepDims: boolean, of: Reduction['of'], dtype: Dtype): Values {
  const rank = x.shape.length;
  const over = axes.map((axis) => (axis + rank) % rank);
  const outer = x.shape.map((extent, axis) => (over.includes(axis) ? 1 : extent));
  const inner = x.shape.map((extent, axis) => (over.includes(axis) ? extent : 1));
  const full = build(
    outer,
    (p) =>
      of(
        build(inner, (q) =>
          at(
            x,
            p.map((index, axis) => index + q[axis]!),
          ),
        ).data,
      ),
    dtype,
  );
  return keepDims ? full : { ...full, shape: x.shape.filter((_, axis) => !over.includes(axis)) };
}

export function* reduce(): Generator<GridCase> {
  for (const [kernel, op] of Object.entries(reductions)) {
    for (const dtype of op.takes) {
      for (const [shape, sets] of places) {
        for (const axes of sets) {
          const inner = sizeOf(axes.map((axis) => shape.at(axis)!));
          if (op.single && axes.length !== 1) continue;
          if (inner === 0 && (op.needsOne || dtype !== 'float32')) continue;
          // Beyond the range of int32 and float32 there is no one answer.
          if (kernel === 'Prod' && inner > (dtype === 'int32' ? 4 : 20)) continue;
          const plain = sample(shape, dtype, 3);
          const inputs = [plain];
          if (dtype === 'float32' && plain.data.length > 3) {
            inputs.push(
              withElements(plain, { 2: Number.NaN }),
              withElements(plain, { 0: Number.NaN, 1: Infinity }),
            );
            inputs.push(withElements(plain, { 1: -Infinity, 3: Infinity }));
          }
          for (const [which, x] of inputs.entries()) {
            for (const keepDims of op.single || which > 0 ? [false] : [false, true]) {
              yield {
                kernel,
                name: `${kernel} ${dtype} [${shape}] over [${axes}]${keepDims ? ' kept' : ''}${which ? ` with special values ${which}` : ''}`,
                run: () => op.run(tensor(x), axes, keepDims),
                expected: () => reduced(x, axes, keepDims, op.of, op.result(dtype)),
                // A mean multiplies by a rounded 1/n, a product rounds each factor.
                tolerance: 1e-5,
              };
            }
          }
        }
      }
    }
  }
}

/** Each line along an axis turned into another of the same length. */
function along(x: Values, axis: number, line: (xs: number[]) => number[], dtype = x.dtype): Values {
  const on = (axis + x.shape.length) % x.shape.length;
  return build(
    x.shape,
    (p) => line(Array.from({ length: x.shape[on]! }, (_, n) => at(x, p.with(on, n))))[p[on]!]!,
    dtype,
  );
}

const cumulate =
  (step: (a: number, b: number) => number, neutral: number, exclusive: boolean, reverse: boolean) =>
  (xs: number[]) => {
    const line = reverse ? [...xs].reverse() : xs;
    let total = neutral;
    const result = line.map((x) => {
      const before = total;
      total = step(total, x);
      return exclusive ? before : total;
    });
    return reverse ? result.reverse() : result;
  };

const lines: [number[], number][] = [
  [[5], 0],
  [[3, 4], 0],
  [[3, 4], -1],
  [[2, 3, 2], 1],
  [[2, 2, 3, 2], 2],
  [[2, 1, 3, 2, 2], 2],
  [[1, 2, 2, 1, 3, 2], -2],
  [[0, 3], 1],
  [[2, 0], 1],
];

export function* lineByLine(): Generator<GridCase> {
  for (const [shape, axis] of lines) {
    for (const dtype of ['float32', 'int32'] as const) {
      for (const [exclusive, reverse] of [
        [false, false],
        [true, false],
        [false, true],
        [true, true],
      ] as const) {
        const x = sample(shape, dtype, 4);
        const label = `${dtype} [${shape}] along ${axis}${exclusive ? ' exclusive' : ''}${reverse ? ' reversed' : ''}`;
        yield {
          kernel: 'Cumsum',
          name: `Cumsum ${label}`,
          run: () => tf.cumsum(tensor(x), axis, exclusive, reverse),
          expected: () =>
            along(
              x,
              axis,
              cumulate((a, b) => a + b, 0, exclusive, reverse),
            ),
        };
        yield {
          kernel: 'Cumprod',
          name: `Cumprod ${label}`,
          run: () => tf.cumprod(tensor(x), axis, exclusive, reverse),
          expected: () =>
            along(
              x,
              axis,
              cumulate((a, b) => a * b, 1, exclusive, reverse),
            ),
        };
      }
    }
    const x = sample(shape, 'float32', 4);
    const softmax = (xs: number[]) => {
      const most = Math.max(...xs);
      const e = xs.map((v) => Math.exp(v - most));
      const sum = e.reduce((a, b) => a + b, 0);
      return e.map((v) => v / sum);
    };
    if (axis === -1 || axis === shape.length - 1) {
      for (const [which, logits] of [
        x,
        withElements(x, { 1: Number.NaN }),
        withElements(x, { 1: -Infinity }),
      ].entries()) {
        yield {
          kernel: 'Softmax',
          name: `Softmax [${shape}] ${which}`,
          run: () => tf.softmax(tensor(logits)),
          expected: () => along(logits, axis, softmax),
        };
      }
    }
    for (const dtype of ['float32', 'int32', 'bool'] as const) {
      const turned = sample(shape, dtype, 5);
      yield {
        kernel: 'Reverse',
        name: `Reverse ${dtype} [${shape}] along ${axis}`,
        run: () => tf.reverse(tensor(turned), axis),
        expected: () => along(turned, axis, (xs) => [...xs].reverse()),
      };
    }
  }
}
