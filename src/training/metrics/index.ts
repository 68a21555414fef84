export { bitsPerByte, perplexity, tokenAccuracy, tokenBitsPerByte } from './token-metrics.js';
