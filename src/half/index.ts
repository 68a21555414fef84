export { toFloat, toHalf } from './convert.js';
export { roundToHalfOracle, toHalfOracle } from './half-oracle.js';
export { type HalfTensor, halfTensor, isHalf, reshapeHalf } from './half-tensor.js';
