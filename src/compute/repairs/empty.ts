/**
 * Operations without a single element that throw, or give axes too many: segment sums of no rows (gather's gradient), on
 * webgpu softmax over nothing and einsum that sums over nothing, on wasm and cpu gathering from or to nothing.
 */
import { sizeOf } from '../ndarray.js';
import type { tf } from '../tf.js';
import { type Attributes, type Backend, type Inputs, makeTensor, overrideKernel } from './override.js';

/** The shape of the result, which is zeros or empty; undefined where the kernel itself can answer. */
type EmptyShape = (inputs: Inputs, attrs: Attributes) => number[] | undefined;

const segmentSum: EmptyShape = ({ x, segmentIds }, attrs) =>
  sizeOf(x!.shape) === 0
    ? [attrs.numSegments as number, ...x!.shape.slice(segmentIds!.shape.length)]
    : undefined;

const onWebgpu: Record<string, EmptyShape> = {
  UnsortedSegmentSum: segmentSum,
  Softmax: ({ logits }) => (sizeOf(logits!.shape) === 0 ? logits!.shape : undefined),
  Einsum: (inputs, attrs) => {
    const operands = Object.values(inputs);
    if (operands.every(({ shape }) => sizeOf(shape) > 0)) return undefined;
    const [terms, output] = (attrs.equation as string).replaceAll(' ', '').split('->') as [string, string];
    const extents = new Map<string, number>();
    for (const [which, term] of terms.split(',').entries()) {
      for (const [axis, index] of [...term].entries()) extents.set(index, operands[which]!.shape[axis]!);
    }
    return [...output].map((index) => extents.get(index)!);
  },
};

const onCpu: Record<string, EmptyShape> = {
  UnsortedSegmentSum: segmentSum,
  GatherV2: ({ x, indices }, attrs) => {
    const [from, batch] = [attrs.axis as number, (attrs.batchDims as number | undefined) ?? 0];
    const axis = from < 0 ? from + x!.shape.length : from;
    const shape = [...x!.shape.slice(0, axis), ...indices!.shape.slice(batch), ...x!.shape.slice(axis + 1)];
    return sizeOf(shape) === 0 ? shape : undefined;
  },
};

export function repairEmptyOperations(backendName: Backend): void {
  for (const [name, shapeOf] of Object.entries(backendName === 'webgpu' ? onWebgpu : onCpu)) {
    overrideKernel(name, backendName, (original) => (inputs, attrs, backend) => {
      const shape = shapeOf(inputs, attrs);
      if (!shape) return original(inputs, attrs, backend);
      const dtype: tf.DataType = name === 'GatherV2' ? inputs.x!.dtype : 'float32';
      const typed = dtype === 'float32' ? Float32Array : Int32Array;
      return makeTensor(backend, shape, dtype, new typed(sizeOf(shape)));
    });
  }
}
