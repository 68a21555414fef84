/**
 * Gradients of resizing images on cpu: those of the bilinear kernel have height and width exchanged in their shape, those of
 * the nearest neighbour are read with the strides of the image, which is wrong from the second image of a batch on.
 */
import { sizeOf } from '../ndarray.js';
import type { tf } from '../tf.js';
import { makeTensor, overrideKernel } from './override.js';

export function repairResizeGradients(): void {
  overrideKernel('ResizeBilinearGrad', 'cpu', (original) => (inputs, attrs, backend) => ({
    ...original(inputs, attrs, backend),
    shape: inputs.images!.shape,
  }));
  overrideKernel('ResizeNearestNeighborGrad', 'cpu', (original) => (inputs, attrs, backend) => {
    const { images, dy } = inputs as { images: tf.TensorInfo; dy: tf.TensorInfo };
    const one = (shape: number[]) => [1, ...shape.slice(1)];
    const [image, flow] = [one(images.shape), one(dy.shape)];
    const values = backend.readSync(dy.dataId) as Float32Array;
    const result = new Float32Array(sizeOf(images.shape));
    for (let batch = 0; batch < images.shape[0]!; batch++) {
      const part = values.slice(batch * sizeOf(flow), (batch + 1) * sizeOf(flow));
      const own = makeTensor(backend, flow, 'float32', part);
      const single = original({ images: { ...images, shape: image }, dy: own }, attrs, backend);
      result.set(backend.readSync(single.dataId) as Float32Array, batch * sizeOf(image));
      for (const { dataId } of [own, single]) backend.disposeData(dataId);
    }
    return makeTensor(backend, images.shape, 'float32', result);
  });
}
