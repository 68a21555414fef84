/**
 * stridedSlice that drops or adds an axis and also steps along another: tfjs's kernels index the tensor with the shape of
 * the result and throw, or write invalid WGSL. Here the axes stay until the elements are taken.
 */
import { sizeOf } from '../ndarray.js';
import { tf } from '../tf.js';
import { type Backend, overrideKernel } from './override.js';

export function repairStridedSlice(backendName: Backend): void {
  overrideKernel('StridedSlice', backendName, (original) => (inputs, attrs, backend) => {
    const masks = ['beginMask', 'endMask', 'ellipsisMask', 'newAxisMask', 'shrinkAxisMask'] as const;
    const [beginMask, endMask, ellipsisMask, newAxisMask, shrinkAxisMask] = masks.map(
      (name) => attrs[name] as number,
    ) as [number, number, number, number, number];
    const { begin, end, strides, finalShape } = tf.slice_util.sliceInfo(
      inputs.x!.shape,
      attrs.begin as number[],
      attrs.end as number[],
      attrs.strides as number[],
      beginMask,
      endMask,
      ellipsisMask,
      newAxisMask,
      shrinkAxisMask,
    );
    const keepsAxes = newAxisMask === 0 && shrinkAxisMask === 0;
    if (keepsAxes || sizeOf(finalShape) === 0) return original(inputs, attrs, backend);
    // An end before the first element would be read as counted from the back.
    const untilFirst = end.reduce((mask, at, axis) => (at < 0 ? mask | (1 << axis) : mask), 0);
    const dense = { begin, end, strides, beginMask: 0, endMask: untilFirst };
    const taken = original(inputs, { ...dense, ellipsisMask: 0, newAxisMask: 0, shrinkAxisMask: 0 }, backend);
    return { ...taken, shape: finalShape };
  });
}
