export {
  type FeedForwardWeights,
  feedForward,
  type SwiGluWeights,
  swiGluFfn,
  swiGluHidden,
} from './feed-forward.js';
export {
  type FeedForwardArrays,
  feedForwardGradientOracle,
  feedForwardOracle,
  type SwiGluArrays,
  swiGluFfnGradientOracle,
  swiGluFfnOracle,
} from './feed-forward-oracle.js';
