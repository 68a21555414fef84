/**
 * Indices out of bounds. tfjs's cpu kernels refuse them; wasm reads and writes foreign memory, and webgpu answers with
 * zeros. Here they are refused wherever they can be seen: always on wasm, on webgpu while they are not yet on the GPU
 * (looking at them there would wait for it). From the GPU they still pick zeros and place nothing.
 */
import { sizeOf } from '../ndarray.js';
import type { tf } from '../tf.js';
import { avoidOwnKernels, type Condition, type See, seen } from './on-cpu.js';
import { type Attributes, type Backend, type Inputs, overrideKernel } from './override.js';

const checks: Record<string, (inputs: Inputs, attrs: Attributes, see: See) => void> = {
  GatherV2({ x, indices }, attrs, see) {
    const axis = attrs.axis as number;
    checkEach('GatherV2', see(indices!), x!.shape.at(axis)!);
  },
  GatherNd: ({ params, indices }, _attrs, see) =>
    checkRows('gatherND', see(indices!), indices!, params!.shape),
  ScatterNd: ({ indices }, attrs, see) =>
    checkRows('scatterND', see(indices!), indices!, attrs.shape as number[]),
  TensorScatterUpdate: ({ tensor, indices }, _attrs, see) =>
    checkRows('tensorScatterUpdate', see(indices!), indices!, tensor!.shape),
  SparseToDense: ({ sparseIndices }, attrs, see) => {
    const shape = attrs.outputShape as number[];
    const width = sparseIndices!.shape.length < 2 ? 1 : shape.length;
    const indices = { ...sparseIndices!, shape: [sizeOf(sparseIndices!.shape) / width, width] };
    checkRows('sparseToDense', see(sparseIndices!), indices, shape);
  },
};

export function refuseIndicesOutOfBounds(backendName: Backend): void {
  for (const [name, check] of Object.entries(checks)) {
    overrideKernel(name, backendName, (original) => (inputs, attrs, backend) => {
      check(inputs, attrs, ({ dataId }) => seen(backendName, backend, dataId));
      return original(inputs, attrs, backend);
    });
  }
}

function checkEach(name: string, indices: ArrayLike<number> | undefined, extent: number): void {
  for (let n = 0; n < (indices?.length ?? 0); n++) {
    const index = indices![n]!;
    if (!(index >= 0 && index < extent)) {
      throw new Error(`${name}: the index value ${index} is not in [0, ${extent - 1}]`);
    }
  }
}

/** Each row holds the leading coordinates of a place in `shape`. */
function checkRows(
  name: string,
  indices: ArrayLike<number> | undefined,
  { shape: own }: tf.TensorInfo,
  shape: number[],
): void {
  if (!indices) return;
  const width = own.length > 1 ? own.at(-1)! : 1;
  for (let n = 0; n < indices.length; n++) {
    const [index, extent] = [indices[n]!, shape[n % width]!];
    if (index >= 0 && index < extent) continue;
    const row = Array.from(indices).slice(n - (n % width), n - (n % width) + width);
    throw new Error(`Invalid indices: ${row} does not index into ${shape} (${name})`);
  }
}

/** Segments that tfjs's cpu kernels refuse, each in its own words. */
const invalidSegments: Condition = ({ data, indices, segmentIds }, _attrs, see) => {
  const [rows, ids] = [see(indices!) ?? [], see(segmentIds!) ?? []];
  return (
    Array.from(rows).some((row) => row < 0 || row >= data!.shape[0]!) ||
    Array.from(ids).some((id, n) => id < 0 || (n > 0 && id < ids[n - 1]!))
  );
};

/** On webgpu; where tfjs's cpu kernels work, they check for themselves. */
export function refuseInvalidSegments(): void {
  avoidOwnKernels('webgpu', { SparseSegmentMean: invalidSegments, SparseSegmentSum: invalidSegments });
}
