export { type AdaGradOptions, adaGrad } from './ada-grad.js';
export { type AdafactorOptions, adafactor } from './adafactor.js';
export { type Clipped, clipGradNorm, gradientNorm, type NormOptions } from './clip.js';
export { exponentialAverage, WeightAverage } from './ema.js';
export {
  GroupedOptimizer,
  type Minimized,
  type MinimizeOptions,
  type ParameterGroup,
  splitByDecay,
} from './groups.js';
export { type LionOptions, lion } from './lion.js';
export { adafactorOracle, muonOracle, newtonSchulzOracle } from './matrix-oracle.js';
export { type MuonAdjustment, type MuonOptions, muon, muonRateFactor } from './muon.js';
export {
  type Coefficients,
  muonCoefficients,
  type NewtonSchulzOptions,
  newtonSchulz,
} from './newton-schulz.js';
export { Optimizer, type OptimizerOptions, type Trainable } from './optimizer.js';
export { adaGradOracle, adamOracle, lionOracle, rmsPropOracle, sgdOracle } from './optimizer-oracle.js';
export { type RmsPropOptions, rmsProp } from './rms-prop.js';
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
