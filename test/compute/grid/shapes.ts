/** Operations that move elements without computing with them, on every dtype and up to six axes. */
import { tf } from '../../../src/compute/tf.js';
import { at, build, type Dtype, type GridCase, sample, sizeOf, tensor, type Values, values } from './case.js';

const dtypes: Dtype[] = ['float32', 'int32', 'bool'];
const shapes = [[4], [3, 4], [2, 3, 4], [2, 1, 3, 2], [2, 1, 3, 1, 2], [1, 2, 2, 1, 3, 2], [0, 3]];

export function* rearranging(): Generator<GridCase> {
  for (const dtype of dtypes) {
    for (const shape of shapes) {
      const x = sample(shape, dtype, 6);
      const rank = shape.length;
      const label = `${dtype} [${shape}]`;
      const add = (
        kernel: string,
        what: string,
        run: (x: tf.Tensor) => tf.Tensor,
        expected: () => Values,
      ): GridCase => ({
        kernel,
        name: `${kernel} ${label}${what}`,
        run: () => run(tensor(x)),
        expected,
      });
      const moved = (to: number[], from: (p: number[]) => number[], otherwise = 0) =>
        build(
          to,
          (p) => {
            const source = from(p);
            return source.every((index, axis) => index >= 0 && index < shape[axis]!)
              ? at(x, source)
              : otherwise;
          },
          dtype,
        );
      yield add(
        'Reshape',
        '',
        (t) => tf.reshape(t, [sizeOf(shape)]),
        () => ({ ...x, shape: [sizeOf(shape)] }),
      );
      yield add(
        'ExpandDims',
        '',
        (t) => tf.expandDims(t, rank),
        () => ({ ...x, shape: [...shape, 1] }),
      );
      for (const perm of [[...shape.keys()].reverse(), [...shape.keys()].map((axis) => (axis + 1) % rank)]) {
        yield add(
          'Transpose',
          ` by [${perm}]`,
          (t) => tf.transpose(t, perm),
          () =>
            moved(
              perm.map((axis) => shape[axis]!),
              (p) => shape.map((_, axis) => p[perm.indexOf(axis)]!),
            ),
        );
      }
      const begin = shape.map((extent) => Math.min(1, Math.max(0, extent - 1)));
      const size = shape.map((extent, axis) => extent - begin[axis]!);
      yield add(
        'Slice',
        '',
        (t) => tf.slice(t, begin, size),
        () => moved(size, (p) => p.map((i, axis) => i + begin[axis]!)),
      );
      const reps = shape.map((_, axis) => (axis % 2 === 0 ? 2 : 1));
      yield add(
        'Tile',
        '',
        (t) => tf.tile(t, reps),
        () =>
          moved(
            shape.map((extent, axis) => extent * reps[axis]!),
            (p) => p.map((i, axis) => i % shape[axis]!),
          ),
      );
      const pads = shape.map((_, axis): [number, number] => [axis % 2, (axis + 1) % 2]);
      const padded = shape.map((extent, axis) => extent + pads[axis]![0] + pads[axis]![1]);
      yield add(
        'PadV2',
        '',
        (t) => tf.pad(t, pads, 1),
        () => moved(padded, (p) => p.map((i, axis) => i - pads[axis]![0]), 1),
      );
      if (sizeOf(shape) > 0 && dtype !== 'bool') {
        for (const mode of ['reflect', 'symmetric'] as const) {
          const mirror = (i: number, extent: number) => {
            const skip = mode === 'reflect' ? 0 : 1;
            return i < 0 ? -i - skip : i >= extent ? 2 * extent - 2 + skip - i : i;
          };
          const fitting = pads.map(([before, after], axis): [number, number] =>
            shape[axis]! > 1 || mode === 'symmetric' ? [before, after] : [0, 0],
          );
          yield add(
            'MirrorPad',
            ` ${mode}`,
            (t) => tf.mirrorPad(t, fitting, mode),
            () =>
              moved(
                shape.map((extent, axis) => extent + fitting[axis]![0] + fitting[axis]![1]),
                (p) => p.map((i, axis) => mirror(i - fitting[axis]![0], shape[axis]!)),
              ),
          );
        }
      }
      for (const stride of sizeOf(shape) > 0 ? [2, -1] : []) {
        const count = shape.map((extent) => (stride > 0 ? Math.ceil(extent / 2) : extent));
        const [mask, strides] = [2 ** rank - 1, shape.map(() => stride)];
        yield add(
          'StridedSlice',
          ` by ${stride}`,
          (t) =>
            tf.stridedSlice(
              t,
              shape.map(() => 0),
              shape.map(() => 0),
              strides,
              mask,
              mask,
            ),
          () => moved(count, (p) => p.map((i, axis) => (stride > 0 ? i * stride : shape[axis]! - 1 - i))),
        );
      }
      const axis = rank - 1;
      const other = sample(shape, dtype, 7);
      yield add(
        'Concat',
        '',
        (t) => tf.concat([t, tensor(other)], axis),
        () =>
          build(
            shape.with(axis, shape[axis]! * 2),
            (p) => (p[axis]! < shape[axis]! ? at(x, p) : at(other, p.with(axis, p[axis]! - shape[axis]!))),
            dtype,
          ),
      );
      yield add(
        'Select',
        '',
        (t) => tf.where(tensor(sample(shape, 'bool', 1)), t, tensor(other)),
        () => build(shape, (p) => (at(sample(shape, 'bool', 1), p) ? at(x, p) : at(other, p)), dtype),
      );
      if (rank < 6) {
        yield add(
          'Pack',
          '',
          (t) => tf.stack([t, tensor(other)], 0),
          () => build([2, ...shape], (p) => at(p[0] === 0 ? x : other, p.slice(1)), dtype),
        );
      }
      if (rank > 1 && shape[0]! > 0) {
        yield {
          kernel: 'Unpack',
          name: `Unpack ${label}`,
          run: () => tf.unstack(tensor(x)),
          expected: () =>
            Array.from({ length: shape[0]! }, (_, n) =>
              build(shape.slice(1), (p) => at(x, [n, ...p]), dtype),
            ),
        };
        const last = shape.at(-1)!;
        yield {
          kernel: 'SplitV',
          name: `SplitV ${label}`,
          run: () => tf.split(tensor(x), [1, last - 1], -1),
          expected: () => [
            build(shape.with(-1, 1), (p) => at(x, p), dtype),
            build(shape.with(-1, last - 1), (p) => at(x, p.with(-1, p.at(-1)! + 1)), dtype),
          ],
        };
      }
    }
    yield {
      kernel: 'Diag',
      name: `Diag ${dtype}`,
      run: () => tf.diag(tensor(sample([3], dtype))),
      expected: () => build([3, 3], ([i, j]) => (i === j ? sample([3], dtype).data[i!]! : 0), dtype),
    };
    yield {
      kernel: 'Fill',
      name: `Fill ${dtype}`,
      run: () => tf.fill([2, 3], 1, dtype),
      expected: () => build([2, 3], () => 1, dtype),
    };
  }
  yield {
    kernel: 'LinSpace',
    name: 'LinSpace',
    run: () => tf.linspace(-1, 2, 7),
    expected: () => build([7], ([n]) => -1 + n! / 2),
  };
  for (const dtype of ['float32', 'int32'] as const) {
    yield {
      kernel: 'Range',
      name: `Range ${dtype}`,
      run: () => tf.range(5, -4, -3, dtype),
      expected: () => values([3], [5, 2, -1], dtype),
    };
    yield {
      kernel: 'BroadcastArgs',
      name: `BroadcastArgs ${dtype}`,
      run: () =>
        tf.broadcastArgs(tensor(values([3], [2, 1, 4], 'int32')), tensor(values([2], [3, 1], 'int32'))),
      expected: () => values([3], [2, 3, 4], 'int32'),
    };
  }
  for (const format of ['NHWC', 'NCHW'] as const) {
    const x = sample(format === 'NHWC' ? [2, 2, 3, 8] : [2, 8, 2, 3]);
    yield {
      kernel: 'DepthToSpace',
      name: `DepthToSpace ${format}`,
      run: () => tf.depthToSpace(tensor(x) as tf.Tensor4D, 2, format),
      expected: () => {
        const of = (b: number, h: number, w: number, c: number) => {
          const depth = ((h % 2) * 2 + (w % 2)) * 2 + c;
          const [i, j] = [Math.floor(h / 2), Math.floor(w / 2)];
          return at(x, format === 'NHWC' ? [b, i, j, depth] : [b, depth, i, j]);
        };
        return format === 'NHWC'
          ? build([2, 4, 6, 2], ([b, h, w, c]) => of(b!, h!, w!, c!))
          : build([2, 2, 4, 6], ([b, c, h, w]) => of(b!, h!, w!, c!));
      },
    };
  }
  for (const dtype of ['float32', 'int32'] as const) {
    const space = sample([2, 4, 6, 3], dtype);
    const batch = build(
      [8, 2, 3, 3],
      ([n, h, w, c]) =>
        at(space, [n! % 2, h! * 2 + Math.floor(n! / 4), w! * 2 + (Math.floor(n! / 2) % 2), c!]),
      dtype,
    );
    const none = [
      [0, 0],
      [0, 0],
    ];
    yield {
      kernel: 'SpaceToBatchND',
      name: `SpaceToBatchND ${dtype}`,
      run: () => tf.spaceToBatchND(tensor(space), [2, 2], none),
      expected: () => batch,
    };
    yield {
      kernel: 'BatchToSpaceND',
      name: `BatchToSpaceND ${dtype}`,
      run: () => tf.batchToSpaceND(tensor(batch), [2, 2], none),
      expected: () => space,
    };
  }
}
