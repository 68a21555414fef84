/**
 * unsortedSegmentSum of integers: tfjs's cpu kernel answers with floats, webgpu with the bits of floats or with a program
 * that does not compile. On webgpu the rows are added by scatterND's kernel, which is exact for integers.
 */
import { sizeOf } from '../ndarray.js';
import type { tf } from '../tf.js';
import { tf as tfjs } from '../tf.js';
import { type Backend, type Inputs, overrideKernel, runKernel } from './override.js';

export function repairSegmentSum(backendName: Backend): void {
  const scatter = tfjs.getKernel('ScatterNd', backendName)!;
  overrideKernel('UnsortedSegmentSum', backendName, (original) => (inputs, attrs, backend) => {
    const { x, segmentIds } = inputs as { x: tf.TensorInfo; segmentIds: tf.TensorInfo };
    if (x.dtype !== 'int32') return original(inputs, attrs, backend);
    if (backendName !== 'webgpu' || sizeOf(x.shape) === 0) {
      const sum = original(inputs, attrs, backend);
      const result = runKernel('Cast', backendName, backend, { x: sum }, { dtype: 'int32' });
      backend.disposeData(sum.dataId);
      return result;
    }
    const rows = sizeOf(segmentIds.shape);
    const rest = x.shape.slice(segmentIds.shape.length);
    const indices = { ...segmentIds, shape: [rows, 1] };
    const updates = { ...x, shape: [rows, ...rest] };
    const added: Inputs = { indices, updates };
    const shape = [attrs.numSegments as number, ...rest];
    return scatter.kernelFunc({
      inputs: added as tf.NamedTensorInfoMap,
      attrs: { shape },
      backend,
    }) as tf.TensorInfo;
  });
}
