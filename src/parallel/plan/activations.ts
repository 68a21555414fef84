/**
 * Bytes of activations that wait for the backward pass, 16 bits each, as Korthikanti et al. 2022 (arXiv:2205.05198) count them: what
 * every matrix product, softmax, norm and activation needs again, and dropout masks of one byte where there is dropout.
 */
import type { ModelShape } from '../../training/metrics/model-shape.js';

export type Recompute = 'none' | 'selective' | 'full';

export interface ActivationOptions {
  /** Of one micro-batch. */
  sequences: number;
  sequence: number;
  tensor: number;
  context: number;
  /** The parts between the divided ones are divided along the sequence too (arXiv:2205.05198, section 4.2.2). */
  sequenceParallel: boolean;
  /** selective: what attention makes between its products is computed again. full: all but a layer's input is. */
  recompute: Recompute;
}

/**
 * One layer, one micro-batch, one rank. For `gpt` this is s b h (34 + 5 a s / h) in the paper's letters; with t ranks
 * s b h (10 + 24/t + 5 a s / (h t)), or all of it divided by t with sequence parallelism; selective recomputation
 * drops the last term and full recomputation leaves 2 s b h.
 */
export function layerActivationBytes(shape: ModelShape, options: ActivationOptions): number {
  const { sequences, sequence, tensor, context, sequenceParallel, recompute } = options;
  const tokens = (sequences * sequence) / context;
  const outside = sequenceParallel ? tensor : 1;
  if (recompute === 'full') return (2 * tokens * shape.C) / outside;
  const { perToken, perScore } =
    recompute === 'selective' ? { ...counts(shape), perScore: 0 } : counts(shape);
  const scores = (shape.H * tokens * sequence * perScore) / tensor;
  return tokens * (perToken.outside / outside + perToken.inside / tensor) + scores;
}

interface Counts {
  /** outside: what norms and residuals see; inside: what tensor parallelism divides. */
  perToken: { outside: number; inside: number };
  /** For each query head, query and key: softmax's output, its dropout mask, dropout's output. */
  perScore: number;
}

function counts({ kind, C, F, H, K, D, experts }: ModelShape): Counts {
  const [query, keyValue] = [H * D, K * D];
  if (kind === 'gpt') {
    // Inputs of two norms and two first products 8C, two dropout masks 2C; Q, K, V, the projection's input; the feed-forward's two.
    return { perToken: { outside: 10 * C, inside: 2 * (2 * query + 2 * keyValue) + 4 * F }, perScore: 5 };
  }
  const passes = experts?.topK ?? 1;
  // Inputs of two norms and two first products; a gated unit keeps gate, value, the gate's activation and their product.
  const routed = experts ? 2 * (passes - 1) * C : 0;
  return {
    perToken: { outside: 8 * C + routed, inside: 2 * (2 * query + 2 * keyValue) + passes * 8 * F },
    perScore: 2,
  };
}
