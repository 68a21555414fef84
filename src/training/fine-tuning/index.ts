export { type AdapterWeights, adapterParameters, bottleneckAdapter } from './adapter.js';
export { type DoraFactors, doraLinear, doraMagnitude, doraOutput, mergeDora } from './dora.js';
export { type Ia3Options, ia3Linear, mergeIa3 } from './ia3.js';
export {
  type LoraFactors,
  type LoraOptions,
  type LoraScaling,
  loraDelta,
  loraLinear,
  loraScale,
  mergeLora,
} from './lora.js';
export { type BidirectionalLayer, bidirectionalLstm, type LstmWeights } from './lstm.js';
export { type AffineWeights, type PromptEncoderWeights, promptEncoder } from './p-tuning.js';
export { type PrefixMlp, prefixAttention, prefixEncoder, prefixKeysValues, prefixOfLayer } from './prefix.js';
export { promptEmbedding, withPrompt } from './prompt.js';
