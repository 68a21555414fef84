/**
 * Floating-point operations of training, a multiplication and an addition as two: 2 per parameter and token in the forward pass,
 * 4 in the backward pass, which multiplies once for the inputs and once for the weights (Kaplan et al. 2020, arXiv:2001.08361,
 * section 2.1); and the two products of attention that have no parameters (Chowdhery et al. 2022, PaLM, arXiv:2204.02311, appendix B).
 */
import type { ModelShape } from './model-shape.js';
import { matmulParameters } from './parameters.js';

export interface FlopsOptions {
  /** T, tokens of a sequence: the mean number of keys follows from it. */
  sequence: number;
  /**
   * 'full' (default): every query with all T keys, as PaLM counts and as kernels compute that do not leave out what is hidden.
   * 'causal': the (T + 1) / 2 keys that a query sees on average.
   */
  attention?: 'full' | 'causal';
  /** Tokens that a query sees at most. Default all. */
  window?: number;
}

export interface Flops {
  /** 2 N in a forward pass, 6 N in training. */
  parameters: number;
  /** q k^T and weights v: 4 layers H D T forward with all keys, 12 layers H D T in training. */
  attention: number;
  total: number;
}

/**
 * FLOPs per token of forward and backward pass. Key/value heads shared by query heads save none; experts count as many as a token takes.
 * @throws RangeError when the sequence or the window is no number from 1.
 */
export function trainingFlopsPerToken(shape: ModelShape, options: FlopsOptions): Flops {
  return times(3, forwardFlopsPerToken(shape, options));
}

/** FLOPs per token of a forward pass. Throws as `trainingFlopsPerToken`. */
export function forwardFlopsPerToken(shape: ModelShape, options: FlopsOptions): Flops {
  const parameters = 2 * matmulParameters(shape);
  const attention = 4 * shape.layers * shape.H * shape.D * keysPerQuery(options);
  return { parameters, attention, total: parameters + attention };
}

/** What activation recomputation repeats of the forward pass: nothing, the products of attention, or all. */
export type Recomputed = 'none' | 'selective' | 'full';

/** FLOPs per token that the hardware carries out: those of training, and what is computed again. Throws as `trainingFlopsPerToken`. */
export function hardwareFlopsPerToken(
  shape: ModelShape,
  options: FlopsOptions & { recompute: Recomputed },
): Flops {
  const forward = forwardFlopsPerToken(shape, options);
  const { recompute } = options;
  const parameters = (recompute === 'full' ? 4 : 3) * forward.parameters;
  const attention = (recompute === 'none' ? 3 : 4) * forward.attention;
  return { parameters, attention, total: parameters + attention };
}

/** The mean over the queries of a sequence. */
function keysPerQuery({ sequence: T, attention = 'full', window = T }: FlopsOptions): number {
  for (const [name, value] of Object.entries({ sequence: T, window })) {
    if (!(value >= 1)) throw new RangeError(`FLOPs: ${name} must be a number of tokens >= 1, got ${value}`);
  }
  const w = Math.min(window, T);
  if (attention === 'full') return w;
  // Query i sees min(i, w) keys: 1 + 2 + ... + w, then w for each of the others.
  return ((w * (w + 1)) / 2 + (T - w) * w) / T;
}

function times(factor: number, { parameters, attention, total }: Flops): Flops {
  return { parameters: factor * parameters, attention: factor * attention, total: factor * total };
}
