/**
 * Bytes that a rank sends in one training step, by kind. Collectives are counted as ring algorithms: of S bytes on n ranks, an
 * all-gather and a reduce-scatter send (n − 1)/n S each, an all-reduce twice that, an all-to-all (n − 1)/n S.
 */
import type { ZeroStage } from './layout.js';

const half = 2;

/** Of an all-gather, a reduce-scatter or an all-to-all of S bytes. */
export function onceAround(bytes: number, ranks: number): number {
  return ((ranks - 1) / ranks) * bytes;
}

/**
 * Gradients of 16 bits averaged over the data-parallel ranks. Stages 0 and 1: once in a step, 2 onceAround. Stage 2 sends as much, but
 * with sharded gradients every micro-batch is reduced by itself. Stage 3 also gathers the weights of every layer
 * in both passes of each micro-batch: 3 instead of 2.
 */
export function dataBytes(parameters: number, zero: ZeroStage, ranks: number, microBatches: number): number {
  const once = onceAround(half * parameters, ranks);
  if (zero === 3) return 3 * once * microBatches;
  return once * (zero === 2 ? microBatches + 1 : 2);
}

interface Tokens {
  /** Tokens of a micro-batch on this rank. */
  tokens: number;
  C: number;
}

/**
 * Per layer and micro-batch four all-reduces of the activations, two in each pass (Shoeybi et al. 2019, arXiv:1909.08053); with
 * sequence parallelism as many bytes in all-gathers and reduce-scatters. Full recomputation repeats those of the forward pass.
 */
export function tensorLayerBytes({ tokens, C }: Tokens, ranks: number, repeatsForward: boolean): number {
  return (repeatsForward ? 6 : 4) * 2 * onceAround(tokens * C * half, ranks);
}

/** A boundary between stages, per micro-batch: activations one way, and their gradients the other. */
export function boundaryBytes({ tokens, C }: Tokens): number {
  return tokens * C * half;
}

/**
 * Ring attention, per layer and micro-batch: keys and values go around in the forward pass; they and their gradients in the
 * backward pass (Liu et al. 2023, arXiv:2310.01889).
 * @param keyValueDim K D of this rank
 */
export function contextLayerBytes(tokens: number, keyValueDim: number, ranks: number): number {
  const keysAndValues = 2 * tokens * keyValueDim * half;
  return (ranks - 1) * (keysAndValues + 2 * keysAndValues);
}

/** Tokens to their experts and back, in both passes: four all-to-alls per layer with experts and micro-batch. */
export function expertLayerBytes({ tokens, C }: Tokens, topK: number, ranks: number): number {
  return 4 * onceAround(tokens * topK * C * half, ranks);
}
