export { type RmsNormOptions, rmsNorm, rmsNormGradientOracle, rmsNormOracle } from './rms-norm.js';
