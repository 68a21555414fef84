/**
 * Reductions over no elements at all return garbage on webgpu and wasm instead of the neutral element. On webgpu,
 * those over outer axes of int32 and bool tensors also call tfjs's broken transpose directly (see transpose.ts).
 */
import { sizeOf } from '../ndarray.js';
import { tf } from '../tf.js';
import { type Attributes, type Backend, type KernelBody, makeTensor, overrideKernel } from './override.js';
import { transposeIntegers } from './transpose.js';

/** The result over no elements, where there is one. */
const neutral: Record<string, number | undefined> = {
  Sum: 0,
  Prod: 1,
  Any: 0,
  All: 1,
  Max: Number.NEGATIVE_INFINITY,
  Min: Number.POSITIVE_INFINITY,
  Mean: Number.NaN,
  ArgMax: undefined,
  ArgMin: undefined,
};

export function repairEmptyReductions(backendName: Backend): void {
  for (const name of Object.keys(neutral)) {
    overrideKernel(name, backendName, (original) => emptyFirst(name, original));
  }
}

export function repairIntegerReductions(): void {
  for (const name of Object.keys(neutral)) {
    overrideKernel(name, 'webgpu', (original) => innermost(name, original));
  }
  for (const name of ['Cumsum', 'Cumprod']) overrideKernel(name, 'webgpu', cumulateInnermost);
}

/** The attribute that holds the axes. */
function axesOf(name: string, x: tf.TensorInfo, attrs: Attributes): number[] {
  const axis = (name === 'Max' ? attrs.reductionIndices : attrs.axis) as number | number[];
  return tf.util.parseAxisParam(axis, x.shape);
}

function outputShape(x: tf.TensorInfo, axes: number[], keepDims: boolean): number[] {
  const [shape] = tf.backend_util.computeOutAndReduceShapes(x.shape, axes) as [number[], number[]];
  return keepDims ? tf.backend_util.expandShapeToKeepDim(shape, axes) : shape;
}

function emptyFirst(name: string, reduce: KernelBody): KernelBody {
  return (inputs, attrs, backend) => {
    const x = inputs.x!;
    const value = neutral[name];
    if (value === undefined || sizeOf(x.shape) > 0) return reduce(inputs, attrs, backend);
    const shape = outputShape(x, axesOf(name, x, attrs), attrs.keepDims === true);
    const dtype =
      name === 'Mean' ? 'float32' : x.dtype === 'float32' ? 'float32' : x.dtype === 'bool' ? 'bool' : 'int32';
    const typed = dtype === 'float32' ? Float32Array : Int32Array;
    return makeTensor(backend, shape, dtype, new typed(sizeOf(shape)).fill(value));
  };
}

/** Brings the reduced axes to the end with the right transpose, so that the kernel need not. */
function innermost(name: string, reduce: KernelBody): KernelBody {
  return (inputs, attrs, backend) => {
    const x = inputs.x!;
    const axes = axesOf(name, x, attrs);
    const perm = tf.backend_util.getAxesPermutation(axes, x.shape.length);
    if (x.dtype === 'float32' || perm == null) return reduce(inputs, attrs, backend);
    const moved = transposeIntegers(x, perm, backend);
    const inner = tf.backend_util.getInnerMostAxes(axes.length, x.shape.length);
    const attribute = name === 'Max' ? 'reductionIndices' : 'axis';
    const reduced = reduce({ x: moved }, { ...attrs, keepDims: false, [attribute]: inner }, backend);
    backend.disposeData(moved.dataId);
    return { ...reduced, shape: outputShape(x, axes, attrs.keepDims === true) };
  };
}

function cumulateInnermost(cumulate: KernelBody): KernelBody {
  return (inputs, attrs, backend) => {
    const x = inputs.x!;
    const rank = x.shape.length;
    const perm = tf.backend_util.getAxesPermutation([attrs.axis as number], rank);
    if (x.dtype === 'float32' || perm == null) return cumulate(inputs, attrs, backend);
    const moved = transposeIntegers(x, perm, backend);
    const result = cumulate({ x: moved }, { ...attrs, axis: rank - 1 }, backend);
    const back = transposeIntegers(result, tf.backend_util.getUndoAxesPermutation(perm), backend);
    backend.disposeData(moved.dataId);
    backend.disposeData(result.dataId);
    return back;
  };
}
