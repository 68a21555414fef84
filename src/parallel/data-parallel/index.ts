/** Replicas that average their gradients. */

export { type BucketOptions, bucketsOf } from './buckets.js';
export { DataParallel, type GlobalGradients } from './data-parallel.js';
export { GradientBuckets, type GradientBucketsOptions, type ReduceBucket } from './gradient-buckets.js';
export { clipFactor, globalNorm, type OtherParameters, squaredNorm } from './gradient-norm.js';
export { type FlatParameter, flatLayout, type Layout, type Piece } from './layout.js';
export { numbersOfRanks, sumOverRanks } from './numbers-of-ranks.js';
export type { DataParallelOptions, GlobalLoss } from './options.js';
export { broadcastParameters } from './replicate.js';
