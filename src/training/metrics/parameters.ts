/** Parameters of a model, counted exactly from its sizes. */
import type { ModelShape } from './model-shape.js';

/** What a layer is made of, as a layout divides it. */
export interface LayerParameters {
  /** Divided by the tensor-parallel ranks. */
  divided: number;
  /** The same on each of them: norms, and biases after a sum. */
  replicated: number;
  /** Of the divided ones, those that make keys and values: a rank has at least one head of them, so that more ranks than heads keep copies. */
  keyValue: number;
  /** Of the divided ones, those of the experts, which expert parallelism divides too. */
  experts: number;
}

export function layerParameters({ kind, C, F, H, K, D, experts }: ModelShape): LayerParameters {
  const keyValue = 2 * (C + (kind === 'gpt' ? 1 : 0)) * K * D;
  const attention = 2 * C * H * D + keyValue;
  if (kind === 'gpt') {
    // Two norms with gains and biases; the biases of two outputs are added once, after the sum over ranks.
    return { divided: attention + 2 * C * F + H * D + F, replicated: 4 * C + 2 * C, keyValue, experts: 0 };
  }
  const feedForward = 3 * C * F;
  const all = experts ? experts.E * feedForward : feedForward;
  return {
    divided: attention + all,
    replicated: 2 * C + (experts ? C * experts.E : 0),
    keyValue,
    experts: experts ? all : 0,
  };
}

/** The vocabulary's matrices, divided by the tensor-parallel ranks. */
export function embeddingParameters({ V, C }: ModelShape): number {
  return V * C;
}

/** Gains (and biases) of the norm before the output matrix. */
export const finalNorm = ({ kind, C }: ModelShape) => (kind === 'gpt' ? 2 * C : C);

export function countParameters(shape: ModelShape): number {
  const { divided, replicated } = layerParameters(shape);
  const vocabulary = embeddingParameters(shape) * (shape.tied ? 1 : 2);
  return (
    shape.layers * (divided + replicated) + vocabulary + (shape.positions ?? 0) * shape.C + finalNorm(shape)
  );
}

/** Those that take part in the pass of one token: of the experts, topK. */
export function activeParameters(shape: ModelShape): number {
  if (!shape.experts) return countParameters(shape);
  const { E, topK } = shape.experts;
  return countParameters(shape) - shape.layers * (layerParameters(shape).experts * (1 - topK / E));
}

/**
 * Those that multiply every token's activations, the N of 6 N FLOPs per token: the matrices of the layers (of the experts, topK of
 * them and the router) and the output matrix. An embedding is looked up, not multiplied; norms and biases are vectors.
 */
export function matmulParameters(shape: ModelShape): number {
  const { layers, C, F, H, K, D, V, kind, experts } = shape;
  const attention = 2 * C * H * D + 2 * C * K * D;
  const feedForward = (kind === 'gpt' ? 2 : 3) * C * F;
  const perLayer = experts ? experts.topK * feedForward + C * experts.E : feedForward;
  return layers * (attention + perLayer) + V * C;
}
