/**
 * What the source documents literally describe, kept apart from the library as contrast: notebooks run it to show
 * what goes wrong. Every function names its erratum. Exported as `documented`.
 */
export {
  headAxisBlockAttention,
  independentBlockAttention,
  scrambledHeads,
  tiledGroupedAttention,
} from './attention.js';
export { samePositionLinearAttention } from './linear-attention.js';
export { chainedLlama, type EmbeddingAndLinear, embeddingAndLinear } from './llama.js';
export { gainOnly, globalZScore, rmsNormEpsOutside, rowZScore } from './rms-norm.js';
export {
  absoluteEmbeddingRope,
  flattenedPixelPosition,
  frequenciesOfEveryFeature,
  headAxisRope,
  neighbourOffsetRope,
  positionlessRope,
  segmentedRope,
} from './rope.js';
