export { Optimizer, type OptimizerOptions } from './optimizer.js';
export { adamOracle, sgdOracle } from './optimizer-oracle.js';
export {
  type AdamNumbers,
  type AdamOptions,
  adam,
  adamW,
  type SgdOptions,
  sgd,
  type Updated,
  type UpdateRule,
} from './rules.js';
