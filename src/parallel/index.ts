/** Parallel training: ranks that communicate, and every strategy that divides a model or its data over them. */

export * from './communicator/index.js';
export * from './context-parallel/index.js';
export {
  broadcastParameters,
  bucketsOf,
  clipFactor,
  DataParallel,
  type DataParallelOptions,
  type GlobalGradients,
  type GlobalLoss,
  GradientBuckets,
  globalNorm,
} from './data-parallel/index.js';
export * from './expert-parallel/index.js';
export { type Layer, parametersOf, runLayers, weightsOf } from './layer.js';
export * from './pipeline/index.js';
export * from './plan/index.js';
export * from './split-world.js';
export * from './tape/index.js';
export * from './tensor-parallel/index.js';
export * from './trainer/index.js';
export * from './zero/index.js';
