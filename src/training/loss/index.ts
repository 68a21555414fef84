export {
  type Accumulated,
  accumulatedLoss,
  accumulateGradients,
  countTargets,
} from './accumulation.js';
export { type BertMasked, type BertMaskOptions, bertMask } from './bert-masking.js';
export { type CrossEntropyOptions, crossEntropy } from './cross-entropy.js';
export {
  crossEntropyGradientOracle,
  crossEntropyOracle,
  type TargetShareNumbers,
  tokenLossesOracle,
} from './cross-entropy-oracle.js';
export { maskedLmLoss } from './masked-lm.js';
export { type NextTokenOptions, nextTokenTargets } from './next-token.js';
export { type PackedRow, type PackOptions, packSequences } from './packing.js';
export { type SequenceNllOptions, sequenceNll } from './sequence-nll.js';
export { type SftOptions, sftLoss } from './sft-loss.js';
export { corruptSpans, type SpanCorrupted, type SpanCorruptionOptions } from './span-corruption.js';
export type { TargetOptions } from './targets.js';
export { documentMask, packedPositions, prefixLmMask } from './visibility.js';
