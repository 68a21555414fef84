export { type BiasRouting, type BiasRoutingOptions, routeWithBias, updatedBias } from './bias-balance.js';
export {
  type CapacityOptions,
  type CapacityResult,
  capacityExperts,
  type ExpertChoiceResult,
  expertChoice,
  type ReluExpert,
  type SwitchOptions,
  type SwitchResult,
  switchExperts,
} from './capacity.js';
export { balanceLoss, importanceLoss, type RouterLoad, routerLoad, routerZLoss } from './losses.js';
export {
  type ExpertOptions,
  type ExpertResult,
  type ExpertWeights,
  mixtureOfExperts,
} from './mixture-of-experts.js';
export {
  type ExpertArrays,
  type ExpertOracleResult,
  mixtureOfExpertsGradientOracle,
  mixtureOfExpertsOracle,
} from './mixture-of-experts-oracle.js';
