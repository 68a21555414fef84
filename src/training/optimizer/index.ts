export { Optimizer, type OptimizerOptions, type Trainable } from './optimizer.js';
export { adamOracle, sgdOracle } from './optimizer-oracle.js';
export {
  type AdamNumbers,
  type AdamOptions,
  adam,
  adamW,
  type HalfRule,
  type SgdOptions,
  sgd,
  type Updated,
  type UpdatedHalf,
  type UpdateRule,
} from './rules.js';
