/** Data parallelism that divides optimizer states, gradients and parameters. */

export { loadCheckpoint, saveCheckpoint } from './checkpoint.js';
export { CheckpointError } from './checkpoint-index.js';
export { GatheredPass, type GatheredPassOptions } from './gathered-pass.js';
export { GatheredWeights, type WeightGroup } from './gathered-weights.js';
export { type ByteKind, byteKinds, LiveBytes } from './live-bytes.js';
export type { ZeroOptions } from './options.js';
export { rowsLayout } from './rows-layout.js';
export { Shard, type ShardOptions } from './shard.js';
export { fullyShard, Zero, type ZeroStep } from './zero.js';
