/** @module kernelbook: the library notebooks import. */

export {
  BackendInfo,
  type BackendName,
  type BackendReport,
  listBackends,
  useBackend,
} from './compute/backend.js';
export { GpuError } from './compute/device.js';
export * from './compute/half/index.js';
export { type LaunchRecord, launchedKernels } from './compute/launch.js';
export * from './compute/ndarray.js';
export { peakGpuBytes } from './compute/peak-memory.js';
export { seededNormal, seededUniform } from './compute/random.js';
export { fromNdArray, read, toNdArray } from './compute/read.js';
export { tf } from './compute/tf.js';
export { type DeviceTiming, syncDevice, timeWall, withGpuTiming } from './compute/timing.js';
export * from './display/display.js';
export { languageSwitch } from './display/language-switch.js';
export * from './layers/activation/index.js';
export * from './layers/attention/index.js';
export * from './layers/feed-forward/index.js';
export { type LinearLayer, type LinearWeight, linear } from './layers/linear/linear.js';
export * from './layers/matmul/index.js';
export * from './layers/moe/index.js';
export * from './layers/norm/index.js';
export * from './layers/position/index.js';
export * from './layers/softmax/index.js';
export * from './models/llama/index.js';
export * from './parallel/index.js';
export * from './training/fine-tuning/index.js';
export * from './training/loss/index.js';
export * from './training/metrics/index.js';
export * from './training/optimizer/index.js';
export * from './training/precision/index.js';
export * from './training/schedule/index.js';
export * from './workbench/diagram/index.js';
export * as documented from './workbench/documented/index.js';
export * from './workbench/golden/index.js';
export * from './workbench/monitor/index.js';
export * from './workbench/plot/index.js';
export * from './workbench/profile/index.js';
export * from './workbench/verify/index.js';
