/**
 * Operations without a single element that throw on webgpu where the other backends answer: softmax over nothing,
 * segment sums of no rows (gather's gradient), einsum that sums over nothing.
 */
import { sizeOf } from '../ndarray.js';
import { type Attributes, type Inputs, makeTensor, overrideKernel } from './override.js';

/** The shape of the result, which is zeros or empty; undefined where the kernel itself can answer. */
type EmptyShape = (inputs: Inputs, attrs: Attributes) => number[] | undefined;

const shapes: Record<string, EmptyShape> = {
  Softmax: ({ logits }) => (sizeOf(logits!.shape) === 0 ? logits!.shape : undefined),
  UnsortedSegmentSum: ({ x, segmentIds }, attrs) =>
    sizeOf(x!.shape) === 0
      ? [attrs.numSegments as number, ...x!.shape.slice(segmentIds!.shape.length)]
      : undefined,
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

export function repairEmptyOperations(): void {
  for (const [name, shapeOf] of Object.entries(shapes)) {
    overrideKernel(name, 'webgpu', (original) => (inputs, attrs, backend) => {
      const shape = shapeOf(inputs, attrs);
      if (!shape) return original(inputs, attrs, backend);
      return makeTensor(backend, shape, 'float32', new Float32Array(sizeOf(shape)));
    });
  }
}
