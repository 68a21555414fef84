/** What the tests of this folder know of a component: how it is called, and the float64 oracle of its value and gradients. */
import type { NdArray } from '../../src/compute/ndarray.js';
import type * as kernelbook from '../../src/index.js';

export type Tensor = kernelbook.tf.Tensor;
export type Path = 'fused' | 'composed';

/** What the values must be, in float64. */
export interface Reference {
  value(...inputs: NdArray[]): NdArray;
  /** Of sum(dy * value), one per input; absent where a test of the component's own has them. */
  gradients?(dy: NdArray, ...inputs: NdArray[]): NdArray[];
}

export interface Component {
  /**
   * Shapes of the inputs that have a gradient, for R rows of width W; none for a component without. Rows are what the
   * component treats one by one: tokens, samples, positions.
   */
  inputs(R: number, W: number): number[][];
  run(path: Path, ...inputs: Tensor[]): kernelbook.tf.TensorContainer;
  /** The tensor to differentiate, where `run` gives several. */
  pick?(result: kernelbook.tf.TensorContainer): Tensor;
  /** A second form exists. */
  fused?: true;
  /** Or why there is none. */
  reference: Reference | string;
  /** Inputs that get huge, NaN and infinite numbers in turn; default the first. */
  special?: number[];
  /** Magnitudes of the inputs in `special` at which the result must still be right; default 1e4. */
  huge?: number[];
  /** A NaN or infinity also reaches gradients of other rows in float arithmetic, which the oracle avoids. */
  spreads?: true;
  /** The composed form multiplies a NaN or infinity of a row that is not seen by 0, as PyTorch's eager operations do. */
  composedMixes?: true;
  /** What it says to no rows, and to rows without columns, where there is no answer. */
  refuses?: { noRows?: RegExp; noColumns?: RegExp };
}

/** Runs with a tensor that it makes and frees itself. */
export function using<T>(made: Tensor, use: (tensor: Tensor) => T): T {
  const result = use(made);
  made.dispose();
  return result;
}

/** Shapes of one input, R rows of width W. */
export const rows = (R: number, W: number) => [[R, W]];

/** 0, 1, 2, ...: the places of R tokens. */
export const places = (R: number) => Array.from({ length: R }, (_, n) => n);

/** The forms that the backend has. */
export function pathsOf({ fused }: Component, backend: string): Path[] {
  return backend === 'webgpu' && fused ? ['fused', 'composed'] : ['composed'];
}
