export { type LlamaConfig, llamaConfig, parameterCount, parameterShapes } from './config.js';
export { type GenerateOptions, generate } from './generate.js';
export { Llama, type LlamaForwardOptions } from './llama.js';
export { llamaLossOracle, llamaOracle } from './llama-oracle.js';
export {
  type LlamaBatch,
  type LlamaGroups,
  ParallelLlama,
  type ParallelLlamaOptions,
  type Placement,
  parallelLlama,
} from './parallel/index.js';
export { rhymes } from './rhymes.js';
export { sampleToken, samplingProbabilities, type TokenSampling } from './sampling.js';
export { evaluateLlama, type TrainOptions, trainLlama } from './train.js';
export { type LlamaArrays, loadLlama, randomLlama } from './weights.js';
export { WordTokenizer } from './word-tokenizer.js';
