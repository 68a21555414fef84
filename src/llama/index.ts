export { CharTokenizer } from './char-tokenizer.js';
export { type LlamaConfig, llamaConfig, parameterCount, parameterShapes } from './config.js';
export { type GenerateOptions, generate } from './generate.js';
export { LayerCaches } from './kv-cache.js';
export { Llama, type LlamaForwardOptions } from './llama.js';
export { llamaLossOracle, llamaOracle } from './llama-oracle.js';
export { sampleToken, samplingProbabilities, type TokenSampling } from './sampling.js';
export { evaluateLlama, type TrainOptions, trainLlama } from './train.js';
export { type LlamaArrays, loadLlama, randomLlama } from './weights.js';
