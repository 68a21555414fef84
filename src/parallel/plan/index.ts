/** What training a model costs in a layout, without running it. */

export { type ModelShape, namedModel, namedModels } from '../../training/metrics/model-shape.js';
export { activeParameters, countParameters, layerParameters } from '../../training/metrics/parameters.js';
export { layerActivationBytes, type Recompute } from './activations.js';
export { type GpuSheet, gpuSheets } from './gpus.js';
export { checkLayout, dataRanks, type Layout, type ZeroStage } from './layout.js';
export { bytesPerParameter, modelStateBytes } from './memory.js';
export { type Plan, type PlanOptions, plan } from './plan.js';
export { searchLayouts } from './search.js';
