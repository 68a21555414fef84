/**
 * Repairs of tfjs 4.22 from outside: the release is frozen, so what is wrong in it is replaced through its
 * public kernel and gradient registries, or (mat-mul-padding, mat-mul-split) in the code of a program, by the backend of
 * webgpu-backend.ts. One file per fault; each has a test that fails without it.
 */
import { addPackedGradients } from '../packed-gradient.js';
import { repairArgExtremes } from './arg-extreme.js';
import { repairAveragePoolGradients } from './average-pool-gradient.js';
import { repairBincount } from './bincount.js';
import { repairCast } from './cast.js';
import { provideComparisonGradients } from './comparison-gradients.js';
import { repairComplexShapes } from './complex-shapes.js';
import { repairCumulative, repairCumulativeGradients } from './cumulative.js';
import { repairBatchToSpace, repairDepthToSpace } from './depth-and-batch.js';
import { repairEinsum } from './einsum.js';
import { repairElementwiseGradients } from './elementwise-gradients.js';
import { repairEmptyOperations } from './empty.js';
import { repairExponential } from './exponential.js';
import { repairFusedMatMul } from './fused-mat-mul.js';
import { repairHighRanks } from './high-rank.js';
import { repairTensorScatterUpdate } from './in-place.js';
import { refuseIndicesOutOfBounds, refuseInvalidSegments } from './index-bounds.js';
import { provideIndexingGradients } from './indexing-gradients.js';
import { repairMatMul, repairMatMulGradient } from './mat-mul.js';
import { provideMissingGradients } from './missing-gradients.js';
import { avoidOwnKernels, provideMissing } from './on-cpu.js';
import type { Backend } from './override.js';
import { repairEmptyReductions, repairIntegerReductions } from './reduce.js';
import { repairResizeGradients } from './resize-gradients.js';
import { repairSegmentSum } from './segment-sum.js';
import { repairStridedSlice } from './strided-slice.js';
import { repairOnTensorflow } from './tensorflow-wrong.js';
import { repairTranspose } from './transpose.js';
import { repairTrigonometry } from './trigonometry.js';
import { repairOnWasm } from './wasm-wrong.js';

let gradientsRepaired = false;

/** Gradients, which all backends share. Idempotent. */
export function repairGradients(): void {
  if (gradientsRepaired) return;
  gradientsRepaired = true;
  repairMatMulGradient();
  repairCumulativeGradients();
  repairElementwiseGradients();
  provideMissingGradients();
  provideIndexingGradients();
  provideComparisonGradients();
}

/** Kernels of one backend, once, after its kernels were registered and before it is first used. */
export function repairBackend(name: Backend): void {
  addPackedGradients(name);
  if (name !== 'cpu') provideMissing(name);
  if (name === 'wasm') repairOnWasm();
  if (name === 'cpu') {
    repairTensorScatterUpdate();
    repairResizeGradients();
  }
  if (name === 'webgpu') {
    repairCast();
    repairTranspose();
    repairIntegerReductions();
    repairExponential();
    repairTrigonometry();
    repairBincount();
    repairComplexShapes();
    repairBatchToSpace();
    refuseInvalidSegments();
    avoidOwnKernels('webgpu', { BroadcastArgs: () => true });
    repairHighRanks();
  }
  if (name === 'tensorflow') {
    repairOnTensorflow();
    return;
  }
  repairEmptyOperations(name);
  repairEmptyReductions(name);
  repairMatMul(name);
  repairCumulative(name);
  repairStridedSlice(name);
  repairArgExtremes(name);
  repairAveragePoolGradients(name);
  repairEinsum(name);
  repairSegmentSum(name);
  repairDepthToSpace(name);
  if (name === 'wasm') repairFusedMatMul(name);
  refuseIndicesOutOfBounds(name);
}
