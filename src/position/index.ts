export { type RopeLayout, type RopeOptions, rope, ropeGradientOracle, ropeOracle } from './rope.js';
export {
  permuteInterleavedToHalf,
  ropeByComplexProduct,
  ropeByMatrix,
  ropeByRotateHalf,
  ropeElementwise,
  ropeMatrix,
  rotateHalf,
} from './rope-forms.js';
export { type Positions, ropeAngles, ropeFrequencies } from './rope-table.js';
