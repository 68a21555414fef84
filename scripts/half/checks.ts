/**
 * The half-precision kernels against their float64 oracles on the backend in use, each within the bound derived for it.
 * Every check says which kernel it expects, so that the device's matrix units are known to have run where it has them.
 */

import { isHalf, toFloat } from '../../src/compute/half/index.js';
import { launchedKernels } from '../../src/compute/launch.js';
import { toNdArray } from '../../src/compute/read.js';
import { matrixUnit } from '../../src/compute/subgroup-matrix.js';
import { tf } from '../../src/compute/tf.js';
import type { GpuBackend } from '../../src/compute/webgpu-backend.js';
import { roundedToHalf } from '../../src/workbench/golden/bounds/half.js';
import { compare } from '../../src/workbench/golden/run.js';
import type { Bounded } from '../../src/workbench/golden/running-error.js';
import { attentionChecks } from './attention-checks.js';
import type { CheckedPath, HalfCheck, Result } from './check.js';
import { componentChecks } from './component-checks.js';
import { matmulChecks } from './matmul-checks.js';

export interface HalfResult {
  name: string;
  /** The kernels that ran. */
  path: string;
  /** Largest error as a share of its bound; Infinity where something is NaN that should not be. */
  share: number;
  /** Why the check failed, if it did. */
  failure?: string;
}

/** Every check of a path on this device, each made when its turn comes. */
export function halfChecks(path: CheckedPath): (() => HalfCheck)[] {
  return [
    ...(path === 'fused' ? matrixUnitChecks() : []),
    ...productChecks(path, false),
    ...componentChecks(path),
  ];
}

/** Those of products and attention by the matrix units of this device; none where it has no such units. */
export function matrixUnitChecks(): (() => HalfCheck)[] {
  const present = matrixUnit((tf.backend() as GpuBackend).gpu) !== undefined;
  return present ? productChecks('fused', true) : [];
}

const productChecks = (path: CheckedPath, subgroupMatrix: boolean): (() => HalfCheck)[] => [
  ...matmulChecks(path, subgroupMatrix),
  ...attentionChecks(path, subgroupMatrix),
];

/** Computes, reads back and judges one. */
export async function runHalfCheck(make: () => HalfCheck): Promise<HalfResult> {
  const { name, kernel, run, expected } = make();
  const launched = launchedKernels();
  launched.reset();
  let path = '';
  try {
    const results = [tf.tidy(run)].flat();
    path = launched.list().join(', ');
    let worst = { error: 0, bound: 0, share: 0, outside: false };
    for (const [n, bounded] of [expected].flat().entries()) {
      const own = await compared(results[n]!, bounded);
      if (own.outside || (own.share >= worst.share && !worst.outside)) worst = own;
    }
    tf.dispose(results);
    const { error, bound, share, outside } = worst;
    if (path !== kernel) {
      return { name, path, share, failure: `ran ${path || 'no kernel'} instead of ${kernel || 'none'}` };
    }
    if (!outside) return { name, path, share };
    return { name, path, share, failure: `error ${error} against a bound of ${bound}` };
  } catch (error) {
    return { name, path, share: Number.POSITIVE_INFINITY, failure: (error as Error).message };
  }
}

async function compared(result: Result, computed: Bounded) {
  const { value, error } = isHalf(result) ? roundedToHalf(computed) : computed;
  const floats = isHalf(result) ? toFloat(result) : result;
  const { data } = await toNdArray(floats);
  tf.dispose(floats);
  const worst = compare(data, value.data, error.data);
  return { ...worst, share: worst.error === 0 ? 0 : worst.error / worst.bound };
}
