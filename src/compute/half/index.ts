export { toFloat, toHalf } from './convert.js';
export { halfGrads, reshapeHalf } from './half-gradient.js';
export { roundToHalfOracle, toHalfOracle } from './half-oracle.js';
export { type HalfTensor, type HalfVariable, halfTensor, halfVariable, isHalf } from './half-tensor.js';
