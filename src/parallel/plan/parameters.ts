/** Parameters of a rank. */
import type { ModelShape } from '../../training/metrics/model-shape.js';
import { embeddingParameters, finalNorm, layerParameters } from '../../training/metrics/parameters.js';

/** How a model's parameters are divided before data parallelism. */
export interface ModelDivision {
  tensor: number;
  pipeline: number;
  expert: number;
}

/** Of the rank that holds most: the first or the last stage, or one between. */
export function parametersOfRank(
  shape: ModelShape,
  { tensor, pipeline, expert }: ModelDivision,
): { parameters: number; experts: number } {
  const layer = layerParameters(shape);
  const layers = shape.layers / pipeline;
  const experts = (layers * layer.experts) / tensor / expert;
  const keyValue = layer.keyValue * Math.max(1 / tensor, 1 / shape.K);
  const divided = (layer.divided - layer.experts - layer.keyValue) / tensor;
  const body = layers * (divided + keyValue + layer.replicated) + experts;
  const vocabulary = embeddingParameters(shape) / tensor;
  const first = vocabulary + (shape.positions ?? 0) * shape.C;
  const last = vocabulary + finalNorm(shape);
  // With a tied head, the last stage has a copy of the embedding.
  const ends =
    pipeline === 1 ? first + finalNorm(shape) + (shape.tied ? 0 : vocabulary) : Math.max(first, last);
  return { parameters: body + ends, experts };
}
