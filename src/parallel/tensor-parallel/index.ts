/** Tensor and sequence parallelism: matrices cut over ranks, and what they say to each other at the borders. */

export {
  type AttentionCore,
  type AttentionShards,
  localAttention,
  type ParallelAttentionOptions,
  parallelAttention,
} from './attention.js';
export { parallelCrossEntropy } from './cross-entropy.js';
export { dropout, dropoutSeed, type Held } from './dropout.js';
export { parallelEmbedding, wordsPerRank } from './embedding.js';
export { type HeadShare, type Heads, headsOf, keyValueGroup } from './heads.js';
export { columnLinear, partial, rowLinear } from './linear.js';
export { parallelRmsNorm } from './norm.js';
export {
  copyTo,
  enterRegion,
  gatherOutput,
  gatherSequence,
  isSplit,
  leaveRegion,
  reduceFrom,
  scatterInput,
  scatterSequence,
  type TensorGroup,
} from './region.js';
export { joinShards, shardOf, withRows } from './shard.js';
export { parallelSwiGlu, type SwiGluShards } from './swiglu.js';
