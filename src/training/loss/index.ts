export {
  bitsPerByte,
  type CrossEntropyOptions,
  crossEntropy,
  perplexity,
  type TargetOptions,
  tokenAccuracy,
} from './cross-entropy.js';
export {
  crossEntropyGradientOracle,
  crossEntropyOracle,
  tokenLossesOracle,
} from './cross-entropy-oracle.js';
