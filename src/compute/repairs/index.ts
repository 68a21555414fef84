/**
 * Repairs of tfjs 4.22 from outside: the release is frozen, so what is wrong in it is replaced through its
 * public kernel and gradient registries, or (mat-mul-padding, mat-mul-split) in the code of a program, by the backend of
 * webgpu-backend.ts. One file per fault; each has a test that fails without it.
 */
import { addPackedGradients } from '../packed-gradient.js';
import { repairCast } from './cast.js';
import { provideComparisonGradients } from './comparison-gradients.js';
import { repairCumulative, repairCumulativeGradients } from './cumulative.js';
import { repairElementwiseGradients } from './elementwise-gradients.js';
import { repairEmptyOperations } from './empty.js';
import { repairExpm1 } from './expm1.js';
import { repairHighRanks } from './high-rank.js';
import { repairTensorScatterUpdate } from './in-place.js';
import { provideIndexingGradients } from './indexing-gradients.js';
import { repairMatMul, repairMatMulGradient } from './mat-mul.js';
import { provideMissingGradients } from './missing-gradients.js';
import type { Backend } from './override.js';
import { repairEmptyReductions, repairIntegerReductions } from './reduce.js';
import { repairStridedSlice } from './strided-slice.js';
import { repairTranspose } from './transpose.js';
import { provideMissingOnWasm } from './wasm-missing.js';

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
  if (name === 'wasm') provideMissingOnWasm();
  if (name === 'cpu') repairTensorScatterUpdate();
  if (name === 'webgpu') {
    repairCast();
    repairTranspose();
    repairIntegerReductions();
    repairExpm1();
    repairHighRanks();
  }
  if (name === 'tensorflow') return;
  repairEmptyOperations(name);
  repairEmptyReductions(name);
  repairMatMul(name);
  repairCumulative(name);
  repairStridedSlice(name);
}
