/** A Llama on several ranks. */

export type { LlamaBatch, LlamaGroups } from './batch.js';
export { ParallelLlama, type ParallelLlamaOptions, parallelLlama } from './parallel-llama.js';
export type { Placement } from './placement.js';
