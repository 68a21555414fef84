/** What a golden operation is: how the library computes it, and how far float32 may be off. */

import type { KernelPath } from '../../../compute/path.js';
import type { tf } from '../../../compute/tf.js';
import type { GoldenCase } from '../case.js';
import type { Parameters } from '../parameters.js';
import type { Bounded } from '../running-error.js';

export interface Operation {
  /** Outputs by name. */
  run(inputs: Tensors, params: Parameters, path: KernelPath): Tensors;
  /** Float64 values with their bounds, by output (`out`) and by input (`grad`); only the bounds are used. */
  errors(
    golden: GoldenCase,
    params: Parameters,
  ): { out: Record<string, Bounded>; grad: Record<string, Bounded | undefined> };
}

export type Tensors = Record<string, tf.Tensor>;
