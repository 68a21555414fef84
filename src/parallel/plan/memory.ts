/**
 * Bytes of a rank for weights, gradients and the optimizer: mixed-precision Adam keeps 2 + 2 + 12 bytes per parameter (16-bit weights
 * and gradients; float32 master weights and two moments). ZeRO divides over N data-parallel ranks, in the order of its stages, the 12,
 * the gradients' 2 and the weights' 2 (Rajbhandari et al. 2020, arXiv:1910.02054).
 */
import type { ZeroStage } from './layout.js';

export interface ModelStateBytes {
  weights: number;
  gradients: number;
  optimizer: number;
}

export const bytesPerParameter = { weights: 2, gradients: 2, optimizer: 12 } as const;

/** @param parameters those of a rank before data parallelism @param ranks N */
export function modelStateBytes(parameters: number, zero: ZeroStage, ranks: number): ModelStateBytes {
  const share = (from: ZeroStage) => (zero >= from ? 1 / ranks : 1);
  return {
    weights: bytesPerParameter.weights * parameters * share(3),
    gradients: bytesPerParameter.gradients * parameters * share(2),
    optimizer: bytesPerParameter.optimizer * parameters * share(1),
  };
}
