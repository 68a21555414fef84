/** Layouts and models that the tests run, by the number of ranks. */
import type { LlamaConfig } from '../../../../src/models/llama/index.js';
import { type Case, small } from './expected.js';

/** One key/value head, one matrix for words in and out, biases everywhere, and words that four ranks cannot share evenly. */
const shared: LlamaConfig = {
  ...small,
  V: 18,
  K: 1,
  tied: true,
  attentionBias: true,
  feedForwardBias: true,
};
const experts: LlamaConfig = { ...small, layers: 1, experts: { E: 4, topK: 2 } };
const shape: [number, number] = [2, 9];
const sequenceParallel = { sequenceParallel: true };
const ulysses = { context: 'ulysses' } as const;

const tensor = (n: number): Record<string, Case> => ({
  [`tensor ${n}`]: { config: small, sizes: { tensor: n }, shape },
  [`tensor ${n}, shared heads, tied, biases`]: { config: shared, sizes: { tensor: n }, shape },
  [`tensor ${n}, sequence parallel`]: {
    config: small,
    sizes: { tensor: n },
    shape,
    options: sequenceParallel,
  },
  [`tensor ${n}, sequence parallel, shared heads, tied, biases`]: {
    config: shared,
    sizes: { tensor: n },
    shape,
    options: sequenceParallel,
  },
});

const context = (n: number): Record<string, Case> => ({
  [`ring ${n}`]: { config: small, sizes: { context: n }, shape },
  [`ring ${n}, shared heads, tied, biases`]: { config: shared, sizes: { context: n }, shape },
  [`ulysses ${n}`]: { config: small, sizes: { context: n }, shape, options: ulysses },
  [`ulysses ${n}, shared heads, tied, biases, window`]: {
    config: { ...shared, window: 3 },
    sizes: { context: n },
    shape,
    options: ulysses,
  },
});

export const cases: Record<number, Record<string, Case>> = {
  1: {
    'one rank': { config: small, sizes: {}, shape },
    'one rank, shared heads, tied, biases': { config: shared, sizes: {}, shape },
    'one rank, experts': { config: experts, sizes: {}, shape },
    'one rank, no rotation, no norm': {
      config: { ...small, positions: 'none', normalization: 'none' },
      sizes: {},
      shape,
    },
  },
  2: {
    ...tensor(2),
    ...context(2),
    'experts 2': { config: experts, sizes: { expert: 2 }, shape },
    'tensor 2 with experts': { config: experts, sizes: { tensor: 2 }, shape, options: sequenceParallel },
  },
  4: {
    ...tensor(4),
    ...context(4),
    'experts 4': { config: experts, sizes: { expert: 4 }, shape: [4, 9] },
    'tensor 2, ring 2': {
      config: shared,
      sizes: { tensor: 2, context: 2 },
      shape,
      options: sequenceParallel,
    },
    'tensor 2, ulysses 2': { config: small, sizes: { tensor: 2, context: 2 }, shape, options: ulysses },
    'tensor 2, experts 2': { config: experts, sizes: { tensor: 2, expert: 2 }, shape },
    'ring 2, experts 2': { config: experts, sizes: { context: 2, expert: 2 }, shape },
  },
};
