export { alibiSlopes } from './alibi-slopes.js';
export { type AttentionOptions, attention } from './attention.js';
export {
  type AttentionOracleOptions,
  attentionGradientOracle,
  attentionOracle,
  attentionWeightsOracle,
} from './attention-oracle.js';
export { KvCache, type KvCacheOptions, type KvCacheSize, kvCacheBytes } from './kv-cache.js';
export { type LinearAttentionOptions, linearAttention } from './linear-attention.js';
export {
  type LinearAttentionOracleOptions,
  linearAttentionGradientOracle,
  linearAttentionOracle,
} from './linear-attention-oracle.js';
export {
  type AttentionWeights,
  type MultiHeadAttentionOptions,
  multiHeadAttention,
} from './multi-head-attention.js';
export type { AttentionRule } from './options.js';
export { poolHeads, poolHeadsGradientOracle, poolHeadsOracle } from './pool-heads.js';
