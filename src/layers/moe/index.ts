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
