export { type SoftmaxOptions, softmax, softmaxGradientOracle, softmaxOracle } from './softmax.js';
