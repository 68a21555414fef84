export { learnedPositions, sinusoidalPositions, sinusoidalTable } from './absolute.js';
export { shawRelativeBias, type T5BucketOptions, t5RelativeBias, t5RelativeBucket } from './relative.js';
export { type RopeLayout, type RopeOptions, rope, ropeGradientOracle, ropeOracle } from './rope.js';
export { rope2d, rope2dGradientOracle, rope2dOracle } from './rope-2d.js';
export {
  permuteInterleavedToHalf,
  ropeByComplexProduct,
  ropeByMatrix,
  ropeByRotateHalf,
  ropeElementwise,
  ropeMatrix,
  rotateHalf,
} from './rope-forms.js';
export {
  type RopeConfig,
  type RopeParameters,
  type ScaledFrequencies,
  scaledRopeFrequencies,
} from './rope-scaling.js';
export { type Positions, ropeAngles, ropeFrequencies } from './rope-table.js';
