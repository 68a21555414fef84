/** Operations that pick, place, count, sort and search elements. */
import { tf } from '../../../src/compute/tf.js';
import { at, build, type Dtype, type GridCase, sample, sizeOf, tensor, type Values, values } from './case.js';

const dtypes: Dtype[] = ['float32', 'int32', 'bool'];
const ints = (data: number[], shape = [data.length]) => values(shape, data, 'int32');

export function* picking(): Generator<GridCase> {
  for (const dtype of dtypes) {
    for (const [shape, axis] of [
      [[5], 0],
      [[3, 4], 0],
      [[3, 4], 1],
      [[2, 3, 4], 1],
      [[2, 1, 3, 2], 2],
      [[2, 1, 3, 1, 2], 2],
    ] as [number[], number][]) {
      for (const picked of [
        [2, 0, 2, 1],
        [],
        [
          [0, 2],
          [1, 1],
        ].flat(),
      ]) {
        const x = sample(shape, dtype, 8);
        const order = picked.map((index) => index % shape[axis]!);
        yield {
          kernel: 'GatherV2',
          name: `GatherV2 ${dtype} [${shape}] along ${axis}: ${order}`,
          run: () => tf.gather(tensor(x), tensor(ints(order)), axis),
          expected: () =>
            build(shape.with(axis, order.length), (p) => at(x, p.with(axis, order[p[axis]!]!)), dtype),
        };
      }
    }
    const x = sample([2, 4, 3], dtype, 9);
    const batched = ints([3, 0, 1, 1], [2, 2]);
    yield {
      kernel: 'GatherV2',
      name: `GatherV2 ${dtype} with a batch dimension`,
      run: () => tf.gather(tensor(x), tensor(batched), 1, 1),
      expected: () => build([2, 2, 3], ([b, i, c]) => at(x, [b!, at(batched, [b!, i!]), c!]), dtype),
    };
    const places = ints([1, 2, 0, 0, 1, 3], [3, 2]);
    yield {
      kernel: 'GatherNd',
      name: `GatherNd ${dtype}`,
      run: () => tf.gatherND(tensor(x), tensor(places)),
      expected: () => build([3, 3], ([n, c]) => at(x, [at(places, [n!, 0]), at(places, [n!, 1]), c!]), dtype),
    };
    for (const depth of [1, 2, 3, 4]) {
      const params = sample([2, 3, 2, 2], dtype, 2);
      const where = ints(
        Array.from({ length: 2 * depth }, (_, n) => n % 2),
        [2, depth],
      );
      const rest = params.shape.slice(depth);
      yield {
        kernel: 'GatherNd',
        name: `GatherNd ${dtype} of ${depth} coordinates`,
        run: () => tf.gatherND(tensor(params), tensor(where)),
        expected: () =>
          build(
            [2, ...rest],
            ([n, ...p]) => at(params, [...where.data.slice(n! * depth, (n! + 1) * depth), ...p]),
            dtype,
          ),
      };
    }
  }
  for (const dtype of ['float32', 'int32'] as const) {
    for (const rest of [[], [2], [2, 3], [2, 1, 2]]) {
      const updates = sample([4, ...rest], dtype, 3);
      const rows = [3, 1, 3, 0];
      yield {
        kernel: 'ScatterNd',
        name: `ScatterNd ${dtype} [5,${rest}]`,
        run: () => tf.scatterND(tensor(ints(rows, [4, 1])), tensor(updates), [5, ...rest]),
        expected: () =>
          build(
            [5, ...rest],
            ([n, ...p]) => rows.reduce((sum, row, i) => (row === n ? sum + at(updates, [i, ...p]) : sum), 0),
            dtype,
          ),
      };
      const old = sample([5, ...rest], dtype, 1);
      const distinct = [3, 1, 4, 0];
      yield {
        kernel: 'TensorScatterUpdate',
        name: `TensorScatterUpdate ${dtype} [5,${rest}]`,
        run: () => tf.tensorScatterUpdate(tensor(old), tensor(ints(distinct, [4, 1])), tensor(updates)),
        expected: () =>
          build(
            [5, ...rest],
            ([n, ...p]) =>
              distinct.includes(n!) ? at(updates, [distinct.indexOf(n!), ...p]) : at(old, [n!, ...p]),
            dtype,
          ),
      };
      const segments = [2, 0, 2, 1];
      yield {
        kernel: 'UnsortedSegmentSum',
        name: `UnsortedSegmentSum ${dtype} [4,${rest}]`,
        run: () => tf.unsortedSegmentSum(tensor(updates), tensor(ints(segments)) as tf.Tensor1D, 4),
        expected: () =>
          build(
            [4, ...rest],
            ([n, ...p]) =>
              segments.reduce((sum, row, i) => (row === n ? sum + at(updates, [i, ...p]) : sum), 0),
            dtype,
          ),
      };
    }
    yield {
      kernel: 'SparseToDense',
      name: `SparseToDense ${dtype}`,
      run: () =>
        tf.sparseToDense(
          tensor(ints([0, 1, 2, 0], [2, 2])),
          tensor(values([2], [5, 6], dtype)),
          [3, 2],
          tensor(values([], [7], dtype)) as tf.Scalar,
        ),
      expected: () => values([3, 2], [7, 5, 7, 7, 6, 7], dtype),
    };
    for (const side of ['left', 'right'] as const) {
      const sorted = values([2, 4], [1, 2, 2, 5, 0, 1, 1, 1], dtype);
      const wanted = values([2, 3], [2, 0, 9, 1, -1, 0], dtype);
      yield {
        kernel: 'SearchSorted',
        name: `SearchSorted ${dtype} ${side}`,
        run: () => tf.searchSorted(tensor(sorted), tensor(wanted), side),
        expected: () =>
          build(
            [2, 3],
            ([row, i]) => {
              const line = sorted.data.slice(row! * 4, row! * 4 + 4);
              const v = at(wanted, [row!, i!]);
              return line.filter((s) => (side === 'left' ? s < v : s <= v)).length;
            },
            'int32',
          ),
      };
    }
    for (const [shape, k] of [
      [[5], 3],
      [[3, 7], 2],
      [[2, 3, 4], 4],
      [[2, 300], 5],
    ] as [number[], number][]) {
      const x = sample(shape, dtype, 5);
      const order = (p: number[]) => {
        const line = Array.from({ length: shape.at(-1)! }, (_, n) => at(x, p.with(-1, n)));
        return line.map((value, n) => ({ value, n })).sort((a, b) => b.value - a.value || a.n - b.n);
      };
      const out = shape.with(-1, k);
      yield {
        kernel: 'TopK',
        name: `TopK ${dtype} [${shape}] ${k}`,
        run: () => {
          const { values: best, indices } = tf.topk(tensor(x), k);
          return [best, indices];
        },
        expected: () => [
          build(out, (p) => order(p)[p.at(-1)!]!.value, dtype),
          build(out, (p) => order(p)[p.at(-1)!]!.n, 'int32'),
        ],
      };
    }
    yield {
      kernel: 'Unique',
      name: `Unique ${dtype}`,
      run: () => {
        const { values: distinct, indices } = tf.unique(tensor(values([5], [3, 1, 3, 2, 1], dtype)));
        return [distinct, indices];
      },
      expected: () => [values([3], [3, 1, 2], dtype), ints([0, 1, 0, 2, 1])],
    };
    for (const weighted of [true, false]) {
      const x = ints([3, 1, 3, 0, 9, 1]);
      const weights = weighted ? sample([6], dtype, 2) : values([0], [], dtype);
      yield {
        kernel: 'Bincount',
        name: `Bincount ${dtype}${weighted ? ' weighted' : ''}`,
        run: () => tf.bincount(tensor(x) as tf.Tensor1D, tensor(weights) as tf.Tensor1D, 5),
        expected: () =>
          build(
            [5],
            ([n]) =>
              x.data.reduce((sum, v, i) => (v === n ? sum + (weighted ? weights.data[i]! : 1) : sum), 0),
            dtype,
          ),
      };
      const grid = { ...x, shape: [2, 3] };
      const gridWeights = weighted ? { ...weights, shape: [2, 3] } : weights;
      for (const binary of weighted ? [false] : [false, true]) {
        yield {
          kernel: 'DenseBincount',
          name: `DenseBincount ${dtype}${weighted ? ' weighted' : ''}${binary ? ' binary' : ''}`,
          run: () =>
            tf.denseBincount(tensor(grid) as tf.Tensor2D, tensor(gridWeights) as tf.Tensor2D, 5, binary),
          expected: () =>
            build(
              [2, 5],
              ([row, n]) => {
                const found = [0, 1, 2].filter((i) => at(grid, [row!, i]) === n);
                const sum = found.reduce(
                  (total, i) => total + (weighted ? at(gridWeights, [row!, i]) : 1),
                  0,
                );
                return binary ? Math.min(1, sum) : sum;
              },
              dtype,
            ),
        };
      }
    }
  }
  const data = sample([4, 3]);
  const [indices, segments] = [
    [2, 0, 2, 3],
    [0, 0, 1, 1],
  ];
  const segmentOf = (mean: boolean): Values =>
    build([2, 3], ([s, c]) => {
      const rows = indices!.filter((_, n) => segments![n] === s);
      return rows.reduce((sum, row) => sum + at(data, [row, c!]), 0) / (mean ? rows.length : 1);
    });
  yield {
    kernel: 'SparseSegmentSum',
    name: 'SparseSegmentSum',
    run: () =>
      tf.sparse.sparseSegmentSum(
        tensor(data),
        tensor(ints(indices!)) as tf.Tensor1D,
        tensor(ints(segments!)) as tf.Tensor1D,
      ),
    expected: () => segmentOf(false),
  };
  yield {
    kernel: 'SparseSegmentMean',
    name: 'SparseSegmentMean',
    run: () =>
      tf.sparse.sparseSegmentMean(
        tensor(data),
        tensor(ints(indices!)) as tf.Tensor1D,
        tensor(ints(segments!)) as tf.Tensor1D,
      ),
    expected: () => segmentOf(true),
  };
  for (const dtype of dtypes) {
    for (const shape of [[3], [2, 2]]) {
      const hot = ints([1, 0, 7, -1].slice(0, sizeOf(shape)), shape);
      yield {
        kernel: 'OneHot',
        name: `OneHot ${dtype} [${shape}]`,
        run: () => tf.oneHot(tensor(hot), 3, 1, 0, dtype),
        expected: () => build([...shape, 3], (p) => Number(at(hot, p.slice(0, -1)) === p.at(-1)), dtype),
      };
    }
  }
}
