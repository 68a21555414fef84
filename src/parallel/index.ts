/** Parallel training: ranks that communicate, and every strategy that divides a model or its data over them. */

export * from './communicator/index.js';
export {
  attendBlock,
  type BlockRule,
  blockGradients,
  type ContextForm,
  contextAttention,
  contextPositions,
  contiguousPositions,
  headSlices,
  headsToSequence,
  mergePartial,
  type PartialAttention,
  type RingAttentionOptions,
  ringAttention,
  sequenceToHeads,
  zigzagPositions,
} from './context-parallel/index.js';
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
export {
  combine,
  dispatch,
  type ExpertShards,
  ownExperts,
  type ParallelExpertOptions,
  parallelMixtureOfExperts,
  planRoutes,
  type Routes,
} from './expert-parallel/index.js';
export { type CountedGradient, gradientNorm } from './gradient-norm.js';
export { type Layer, parametersOf, runLayers, weightsOf } from './layer.js';
export * from './pipeline/index.js';
export * from './plan/index.js';
export { splitWorld, type WorldGroups, type WorldSizes } from './split-world.js';
export * from './tape/index.js';
export {
  type AttentionCore,
  type AttentionShards,
  columnLinear,
  copyTo,
  dropout,
  dropoutSeed,
  enterRegion,
  gatherOutput,
  gatherSequence,
  type HeadShare,
  type Heads,
  type Held,
  headsOf,
  joinShards,
  keyValueGroup,
  leaveRegion,
  localAttention,
  type ParallelAttentionOptions,
  parallelAttention,
  parallelCrossEntropy,
  parallelEmbedding,
  parallelRmsNorm,
  parallelSwiGlu,
  reduceFrom,
  rowLinear,
  type SwiGluShards,
  scatterInput,
  scatterSequence,
  shardOf,
  type TensorGroup,
  withRows,
  wordsPerRank,
} from './tensor-parallel/index.js';
export * from './zero/index.js';
