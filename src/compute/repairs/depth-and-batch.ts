/**
 * depthToSpace of NCHW tensors, which tfjs's cpu kernel refuses, and batchToSpaceND of integers on webgpu, whose program
 * does not compile: both by the transposition that they are.
 */
import { tf } from '../tf.js';
import { type Backend, type KernelBackend, overrideKernel, runKernel } from './override.js';

export function repairDepthToSpace(backendName: Backend): void {
  overrideKernel('DepthToSpace', backendName, (original) => (inputs, attrs, backend) => {
    const x = inputs.x!;
    if (attrs.dataFormat !== 'NCHW') return original(inputs, attrs, backend);
    const block = attrs.blockSize as number;
    const [batch, depth, height, width] = x.shape as [number, number, number, number];
    const channels = depth / (block * block);
    const split = { ...x, shape: [batch * block, block, channels, height * width] };
    // [B b b C H W] to [B C H b W b], two transpositions of at most four axes each
    const rows = transposed(split, [0, 2, 3, 1], backendName, backend);
    const folded = { ...rows, shape: [batch, block, channels * height, width * block] };
    const result = transposed(folded, [0, 2, 1, 3], backendName, backend);
    backend.disposeData(rows.dataId);
    return { ...result, shape: [batch, channels, height * block, width * block] };
  });
}

export function repairBatchToSpace(): void {
  overrideKernel('BatchToSpaceND', 'webgpu', (original) => (inputs, attrs, backend) => {
    const x = inputs.x!;
    if (x.dtype === 'float32') return original(inputs, attrs, backend);
    const { blockShape, crops } = attrs as { blockShape: number[]; crops: number[][] };
    const count = blockShape.reduce((a, b) => a * b, 1);
    const util = tf.backend_util;
    const shape = util.getReshaped(x.shape, blockShape, count);
    const perm = util.getPermuted(shape.length, blockShape.length);
    const whole = util.getReshapedPermuted(x.shape, blockShape, count);
    const turned = transposed({ ...x, shape }, perm, 'webgpu', backend);
    const begin = util.getSliceBeginCoords(crops, blockShape.length);
    const size = util.getSliceSize(whole, crops, blockShape.length);
    const result = runKernel('Slice', 'webgpu', backend, { x: { ...turned, shape: whole } }, { begin, size });
    backend.disposeData(turned.dataId);
    return result;
  });
}

function transposed(x: tf.TensorInfo, perm: number[], name: Backend, backend: KernelBackend): tf.TensorInfo {
  return runKernel('Transpose', name, backend, { x }, { perm });
}
