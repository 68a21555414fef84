/** Checks of results against references: see `verify.ts`; bounds are derived in `bounds.ts`. */
export {
  type AttentionSizes,
  attentionBound,
  type Bound,
  gamma,
  type LayerNormSizes,
  layerNormBound,
  matmulBound,
  rmsNormBound,
  ropeBound,
  softmaxBound,
  sumBound,
  unitRoundoff,
} from './bounds.js';
export { verifyMimeType } from './bundle.js';
export { type Comparison, ulp32 } from './compare.js';
export type { VerificationFacts } from './facts.js';
export type { Comparable } from './values.js';
export { clearVerifications, type Verification, VerificationError, verifications } from './verification.js';
export {
  type Actual,
  expectThrows,
  refute,
  type Tolerance,
  type VerifyOptions,
  verify,
  verifyEqual,
  verifyRelation,
} from './verify.js';
