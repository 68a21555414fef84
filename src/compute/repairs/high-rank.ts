/**
 * Tensors of five and six axes on webgpu, where tfjs's kernels throw, write invalid WGSL or read the GPU synchronously:
 * tile, pad, mirrorPad, reverse, cumsum, cumprod and stridedSlice work on one axis after the other, what is before it and
 * what is after it folded into one axis each; `where` needs no axes.
 */
import { sizeOf } from '../ndarray.js';
import { tf } from '../tf.js';
import {
  type Attributes,
  type KernelBackend,
  type KernelBody,
  makeTensor,
  overrideKernel,
  runKernel,
} from './override.js';

/** What tfjs's kernels manage. */
const managedRank = 4;

export function repairHighRanks(): void {
  for (const [name, steps] of Object.entries(oneAxis)) {
    overrideKernel(name, 'webgpu', (original) => (inputs, attrs, backend) => {
      const x = inputs.x!;
      if (x.shape.length <= managedRank) return original(inputs, attrs, backend);
      return axisByAxis(x, steps(attrs, x.shape.length), original, backend);
    });
  }
  overrideKernel('StridedSlice', 'webgpu', stridedSlice);
  overrideKernel('Select', 'webgpu', select);
}

/** Attributes of the kernel for [before, axis, after], where it has anything to do along the axis. */
type Step = Attributes | undefined;

const oneAxis: Record<string, (attrs: Attributes, rank: number) => Step[]> = {
  Tile: ({ reps }) => (reps as number[]).map((count) => (count === 1 ? undefined : { reps: [1, count, 1] })),
  PadV2: padding,
  MirrorPad: padding,
  Reverse: ({ dims }, rank) => {
    const axes = tf.util.parseAxisParam(dims as number[], Array<number>(rank).fill(1));
    return Array.from({ length: rank }, (_, axis) => (axes.includes(axis) ? { dims: [1] } : undefined));
  },
  Cumsum: cumulation,
  Cumprod: cumulation,
};

function padding({ paddings, ...attrs }: Attributes): Step[] {
  return (paddings as [number, number][]).map(([before, after]) =>
    before + after === 0
      ? undefined
      : {
          ...attrs,
          paddings: [
            [0, 0],
            [before, after],
            [0, 0],
          ],
        },
  );
}

function cumulation(attrs: Attributes, rank: number): Step[] {
  return Array.from({ length: rank }, (_, axis) => (axis === attrs.axis ? { ...attrs, axis: 1 } : undefined));
}

function axisByAxis(
  x: tf.TensorInfo,
  steps: readonly Step[],
  kernel: KernelBody,
  backend: KernelBackend,
): tf.TensorInfo {
  const shape = [...x.shape];
  let result: tf.TensorInfo | undefined;
  steps.forEach((attrs, axis) => {
    if (!attrs) return;
    const folded = [sizeOf(shape.slice(0, axis)), shape[axis]!, sizeOf(shape.slice(axis + 1))];
    const next = kernel({ x: { ...(result ?? x), shape: folded } }, attrs, backend);
    if (result) backend.disposeData(result.dataId);
    result = next;
    shape[axis] = next.shape[1]!;
  });
  return result ? { ...result, shape } : runKernel('Identity', 'webgpu', backend, { x }, {});
}

/** Takes the wanted positions of one axis after the other. */
function stridedSlice(original: KernelBody): KernelBody {
  return (inputs, attrs, backend) => {
    const x = inputs.x!;
    if (x.shape.length <= managedRank) return original(inputs, attrs, backend);
    const masks = ['beginMask', 'endMask', 'ellipsisMask', 'newAxisMask', 'shrinkAxisMask'] as const;
    const { begin, strides, finalShapeSparse, finalShape } = tf.slice_util.sliceInfo(
      x.shape,
      attrs.begin as number[],
      attrs.end as number[],
      attrs.strides as number[],
      ...(masks.map((name) => attrs[name] as number) as [number, number, number, number, number]),
    );
    const steps = x.shape.map((extent, axis) => {
      const count = finalShapeSparse[axis]!;
      const positions = Int32Array.from({ length: count }, (_, n) => begin[axis]! + n * strides[axis]!);
      return count === extent && strides[axis] === 1 ? undefined : { positions };
    });
    const take: KernelBody = ({ x: part }, { positions }) => {
      const values = positions as Int32Array;
      const indices = makeTensor(backend, [values.length], 'int32', values);
      const taken = runKernel(
        'GatherV2',
        'webgpu',
        backend,
        { x: part!, indices },
        { axis: 1, batchDims: 0 },
      );
      backend.disposeData(indices.dataId);
      return taken;
    };
    return { ...axisByAxis(x, steps, take, backend), shape: finalShape };
  };
}

function select(original: KernelBody): KernelBody {
  return (inputs, attrs, backend) => {
    const { condition, t, e } = inputs as Record<'condition' | 't' | 'e', tf.TensorInfo>;
    const { shape } = t;
    if (shape.length <= managedRank) return original(inputs, attrs, backend);
    // A condition of one axis chooses whole entries of the first axis.
    const chosen = condition.shape.length === 1 ? [shape[0]!, sizeOf(shape.slice(1))] : [sizeOf(shape)];
    const folded = (tensor: tf.TensorInfo) => ({ ...tensor, shape: chosen });
    const flags = { ...condition, shape: [sizeOf(condition.shape)] };
    return { ...original({ condition: flags, t: folded(t), e: folded(e) }, attrs, backend), shape };
  };
}
