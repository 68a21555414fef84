export {
  type BatchNormOptions,
  type BatchNormResult,
  type BatchNormState,
  batchNorm,
  type ChannelNormOptions,
  groupNorm,
  instanceNorm,
} from './channel-norm.js';
export { type HalfAffine, type LayerNormOptions, layerNorm } from './layer-norm.js';
export {
  type AffineArrays,
  batchNormGradientOracle,
  batchNormOracle,
  batchStatisticsOracle,
  groupNormGradientOracle,
  groupNormOracle,
  layerNormGradientOracle,
  layerNormOracle,
  type NormGradients,
  weightNormGradientOracle,
  weightNormOracle,
} from './norm-oracle.js';
export { type RmsNormOptions, rmsNorm, rmsNormGradientOracle, rmsNormOracle } from './rms-norm.js';
export type { Affine } from './standardize.js';
export { weightNorm } from './weight-norm.js';
