export { activation } from './activation.js';
export {
  activationGradientOracle,
  activationOracle,
  type ScalarActivation,
  scalarActivation,
} from './activation-oracle.js';
export { erfc } from './erf.js';
export { type GluKind, type GluOptions, gatedActivation, glu, gluGates } from './glu.js';
export {
  gatedActivationGradientOracle,
  gatedActivationOracle,
  gluGradientOracle,
  gluOracle,
} from './glu-oracle.js';
export { type ActivationKind, type ActivationOptions, activationKinds } from './kinds.js';
