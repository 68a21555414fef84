/** @module kernelbook: the library notebooks import. */

export * from './activation/index.js';
export * from './attention/index.js';
export {
  BackendInfo,
  type BackendName,
  type BackendReport,
  listBackends,
  useBackend,
} from './compute/backend.js';
export { GpuError } from './compute/device.js';
export { type LaunchRecord, launchedKernels } from './compute/launch.js';
export * from './compute/ndarray.js';
export { peakGpuBytes } from './compute/peak-memory.js';
export { seededNormal, seededUniform } from './compute/random.js';
export { fromNdArray, read, toNdArray } from './compute/read.js';
export { tf } from './compute/tf.js';
export { type DeviceTiming, syncDevice, timeWall, withGpuTiming } from './compute/timing.js';
export * from './display.js';
export * as documented from './documented/index.js';
export * from './feed-forward/index.js';
export * from './golden/index.js';
export * from './half/index.js';
export { linear } from './linear.js';
export * from './llama/index.js';
export * from './loss/index.js';
export * from './matmul/index.js';
export * from './moe/index.js';
export * from './norm/index.js';
export * from './optimizer/index.js';
export * from './plot/index.js';
export * from './position/index.js';
export * from './profile/index.js';
export * from './softmax/index.js';
export * from './verify/index.js';
