/** Context parallelism: one sequence over several ranks. */

export { type ContextForm, contextAttention, contextPositions } from './attention.js';
export { contiguousPositions, zigzagPositions } from './order.js';
export {
  attendBlock,
  type BlockRule,
  blockGradients,
  mergePartial,
  type PartialAttention,
} from './partial-softmax.js';
export { type RingAttentionOptions, ringAttention } from './ring-attention.js';
export { headSlices, headsToSequence, sequenceToHeads } from './ulysses.js';
