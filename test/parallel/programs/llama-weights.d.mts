import type { LlamaArrays, LlamaConfig } from '../../../src/models/llama/index.js';

export function arraysFor(config: LlamaConfig): LlamaArrays;
export function idsFor(V: number, shape: readonly [number, number]): Int32Array;
