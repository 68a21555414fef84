export { type RopeLayout, type RopeOptions, rope, ropeGradientOracle, ropeOracle } from './rope.js';
export { type Positions, ropeAngles, ropeFrequencies } from './rope-table.js';
