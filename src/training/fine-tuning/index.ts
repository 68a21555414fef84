export { type AdapterWeights, adapterParameters, bottleneckAdapter } from './adapter.js';
export { type DoraFactors, doraLinear, doraMagnitude, mergeDora } from './dora.js';
export { type Ia3Options, ia3Linear, mergeIa3 } from './ia3.js';
export {
  type LoraFactors,
  type LoraOptions,
  type LoraScaling,
  loraLinear,
  loraScale,
  mergeLora,
} from './lora.js';
export {
  doraLinearOracle,
  ia3LinearOracle,
  type LoraArrays,
  loraLinearOracle,
  mergeDoraOracle,
  mergeLoraOracle,
} from './low-rank-oracle.js';
export { type BidirectionalLayer, bidirectionalLstm, type LstmWeights } from './lstm.js';
export {
  dequantizeNf4Oracle,
  type Nf4Arrays,
  nf4Values,
  quantizeNf4,
} from './nf4/nf4-format.js';
export { type Nf4Options, Nf4Weight } from './nf4/nf4-weight.js';
export { type AffineWeights, type PromptEncoderWeights, promptEncoder } from './p-tuning.js';
export { type PrefixMlp, prefixAttention, prefixEncoder, prefixKeysValues } from './prefix.js';
export { promptEmbedding } from './prompt.js';
export {
  bidirectionalLstmOracle,
  type LstmArrays,
  prefixKeysValuesOracle,
  withPrefixOracle,
  withPromptOracle,
} from './virtual-tokens-oracle.js';
