/** Matrix products of numbers of 8 bits, each matrix with a scale of its own (Micikevicius et al. 2022, arXiv:2209.05433). */
import { type NdArray, ndarray } from '../../compute/ndarray.js';
import { type FloatFormat, floatFacts } from './float-format.js';
import { decodeFloat, encodeFloat } from './round.js';

export interface ScaledArray {
  /** What the numbers were multiplied by: the format's largest number / max|x|, in float32. */
  scale: number;
  codes: NdArray;
  /** Of the codes, not divided by the scale. */
  decoded: NdArray;
}

/** Under max|x|: zeros get a finite scale. */
const smallest = 1e-12;

/** One scale for all of x, from what it holds now ("current scaling"); or the scale of an earlier step ("delayed scaling"). */
export function scaleToFormat(x: NdArray, format: FloatFormat, scale = currentScale(x, format)): ScaledArray {
  const { max } = floatFacts(format);
  const codes = ndarray(x.shape);
  const decoded = ndarray(x.shape);
  for (const [n, value] of x.data.entries()) {
    const scaled = Math.fround(Math.fround(value) * scale);
    codes.data[n] = encodeFloat(Math.min(max, Math.max(-max, scaled)), format);
    decoded.data[n] = decodeFloat(codes.data[n]!, format);
  }
  return { scale, codes, decoded };
}

export function currentScale({ data }: NdArray, format: FloatFormat): number {
  const largest = data.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  return Math.fround(floatFacts(format).max / Math.max(largest, smallest));
}

/**
 * Delayed scaling: the scale of a step comes from the largest magnitudes of the steps before, so that a tensor is read once (NVIDIA
 * Transformer Engine). A jump upwards saturates until it is in the history.
 */
export class DelayedScale {
  readonly #history: number[] = [];

  /** @param length how many steps are remembered */
  constructor(
    readonly format: FloatFormat,
    readonly length = 16,
  ) {
    if (!(Number.isInteger(length) && length >= 1))
      throw new RangeError(`DelayedScale: length must be a whole number from 1, got ${length}`);
  }

  /** For this step: of what was seen before; 1 at first. */
  get scale(): number {
    const largest = Math.max(...this.#history);
    return this.#history.length === 0
      ? 1
      : Math.fround(floatFacts(this.format).max / Math.max(largest, smallest));
  }

  quantize(x: NdArray): ScaledArray {
    const scaled = scaleToFormat(x, this.format, this.scale);
    this.#history.push(x.data.reduce((most, value) => Math.max(most, Math.abs(value)), 0));
    if (this.#history.length > this.length) this.#history.shift();
    return scaled;
  }
}
