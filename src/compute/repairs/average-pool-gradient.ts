/**
 * The gradient of average pooling where windows reach over the border: an average is taken over the elements that are
 * there, but tfjs's kernels divide by the whole window. Here the incoming gradient is scaled by what they get wrong.
 */
import { tf } from '../tf.js';
import { type Backend, makeTensor, overrideKernel, runKernel } from './override.js';

export function repairAveragePoolGradients(backendName: Backend): void {
  for (const [name, axes] of [
    ['AvgPoolGrad', 2],
    ['AvgPool3DGrad', 3],
  ] as const) {
    overrideKernel(name, backendName, (original) => (inputs, attrs, backend) => {
      const { dy, input } = inputs as { dy: tf.TensorInfo; input: tf.TensorInfo };
      const { filterSize, strides, pad, dimRoundingMode } = attrs as unknown as PoolAttributes;
      const windows =
        axes === 2
          ? borders2d(
              tf.backend_util.computePool2DInfo(
                input.shape as Four,
                filterSize as Two,
                strides as Two,
                1,
                pad,
                dimRoundingMode,
              ),
            )
          : borders3d(
              tf.backend_util.computePool3DInfo(
                input.shape as Five,
                filterSize as Three,
                strides as Three,
                1,
                pad as 'same',
                dimRoundingMode,
              ),
            );
      const factors = windows.map((window) => shares(window));
      if (factors.every((factor) => factor.every((value) => value === 1)))
        return original(inputs, attrs, backend);
      let scaled = dy;
      factors.forEach((factor, axis) => {
        const shape = dy.shape.map((_, at) => (at === axis + 1 ? factor.length : 1));
        const by = makeTensor(backend, shape, 'float32', factor);
        const next = runKernel('Multiply', backendName, backend, { a: scaled, b: by }, {});
        for (const { dataId } of scaled === dy ? [by] : [by, scaled]) backend.disposeData(dataId);
        scaled = next;
      });
      const result = original({ ...inputs, dy: scaled }, attrs, backend);
      backend.disposeData(scaled.dataId);
      return result;
    });
  }
}

type Two = [number, number];
type Three = [number, number, number];
type Four = [number, number, number, number];
type Five = [number, number, number, number, number];

interface PoolAttributes {
  filterSize: number | number[];
  strides: number | number[];
  pad: 'same' | 'valid' | number;
  dimRoundingMode?: 'floor' | 'round' | 'ceil';
}

/** The windows along one axis. */
interface Border {
  readonly extent: number;
  readonly places: number;
  readonly size: number;
  readonly stride: number;
  readonly before: number;
}

const borders2d = (info: ReturnType<typeof tf.backend_util.computePool2DInfo>): Border[] => [
  {
    extent: info.inHeight,
    places: info.outHeight,
    size: info.filterHeight,
    stride: info.strideHeight,
    before: info.padInfo.top,
  },
  {
    extent: info.inWidth,
    places: info.outWidth,
    size: info.filterWidth,
    stride: info.strideWidth,
    before: info.padInfo.left,
  },
];

const borders3d = (info: ReturnType<typeof tf.backend_util.computePool3DInfo>): Border[] => [
  {
    extent: info.inDepth,
    places: info.outDepth,
    size: info.filterDepth,
    stride: info.strideDepth,
    before: info.padInfo.front,
  },
  {
    extent: info.inHeight,
    places: info.outHeight,
    size: info.filterHeight,
    stride: info.strideHeight,
    before: info.padInfo.top,
  },
  {
    extent: info.inWidth,
    places: info.outWidth,
    size: info.filterWidth,
    stride: info.strideWidth,
    before: info.padInfo.left,
  },
];

/** For each window, its size over the number of its elements that are there. */
function shares({ extent, places, size, stride, before }: Border): Float32Array {
  return Float32Array.from({ length: places }, (_, place) => {
    const from = place * stride - before;
    return size / (Math.min(from + size, extent) - Math.max(from, 0));
  });
}
