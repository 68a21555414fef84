/**
 * The NF4 format of QLoRA (Dettmers et al. 2023, arXiv:2305.14314): blocks of 64 numbers, each number one of 16 quantiles of the
 * normal distribution times the largest magnitude of its block. Double quantisation keeps those magnitudes, less their mean,
 * as one byte each in blocks of 256. Tables and rules are those of bitsandbytes.
 */
import { type NdArray, ndarray, sizeOf } from '../../../compute/ndarray.js';

/** Ascending; exactly 0 and ±1 are among them. */
export const nf4Values: readonly number[] = [
  -1.0, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453, -0.28444138169288635,
  -0.18477343022823334, -0.09105003625154495, 0.0, 0.07958029955625534, 0.16093020141124725,
  0.24611230194568634, 0.33791524171829224, 0.44070982933044434, 0.5626170039176941, 0.7229568362236023, 1.0,
];

/** Numbers that share a scale. */
export const nf4Block = 64;
/** Scales that share a scale, in double quantisation. */
export const scaleBlock = 256;

/** Between a value and the next: what is above belongs to the next. */
const thresholds = nf4Values.slice(1).map((value, n) => (value + nf4Values[n]!) / 2);

export interface Nf4Arrays {
  shape: readonly number[];
  /** Eight codes of 4 bits in each number, the first in the lowest bits; whole blocks. */
  codes: Int32Array<ArrayBuffer>;
  /** The largest magnitude of each block. */
  scales: Float32Array<ArrayBuffer>;
}

/**
 * Quantises to the nearest value, block by block over the flattened array; the last block may be shorter.
 * @throws RangeError when a number is not finite.
 */
export function quantizeNf4({
  shape,
  data,
}: {
  shape: readonly number[];
  data: ArrayLike<number>;
}): Nf4Arrays {
  const blocks = Math.ceil(sizeOf(shape) / nf4Block);
  const codes = new Int32Array((blocks * nf4Block) / 8);
  const scales = new Float32Array(blocks);
  for (let n = 0; n < data.length; n++) {
    if (!Number.isFinite(data[n]))
      throw new RangeError(`quantizeNf4: number ${n} of [${shape}] is ${data[n]}`);
    const block = Math.floor(n / nf4Block);
    scales[block] = Math.max(scales[block]!, Math.abs(data[n]!));
  }
  for (let n = 0; n < blocks * nf4Block; n++) {
    const scale = scales[Math.floor(n / nf4Block)]!;
    const code = nearest(n < data.length && scale > 0 ? data[n]! / scale : 0);
    codes[n >> 3]! |= code << (4 * (n & 7));
  }
  return { shape: [...shape], codes, scales };
}

function nearest(value: number): number {
  let code = 0;
  while (code < thresholds.length && value > thresholds[code]!) code++;
  return code;
}

/** Scales in one byte each: offset + map[code] * scale of their block of 256. */
export interface DoubleQuantized {
  /** Four codes in each number, the first in the lowest bits; whole blocks. */
  codes: Int32Array<ArrayBuffer>;
  scales: Float32Array<ArrayBuffer>;
  /** The mean. */
  offset: number;
}

/**
 * The 256 numbers of bitsandbytes' dynamic map, ascending: for each power of ten from 1e-6 to 1, twice as many steps as for
 * the power before, with both signs; and 0 and 1.
 */
export const dynamicMap: readonly number[] = (() => {
  const round = Math.fround;
  const values = [0, 1];
  for (let power = 0; power < 7; power++) {
    const steps = 2 ** power;
    const step = round(round(1 - round(0.1)) / steps);
    // From the nearer end, as PyTorch's linspace does.
    const boundary = (n: number) =>
      n < (steps + 1) / 2 ? round(round(0.1) + step * n) : round(1 - step * (steps - n));
    for (let n = 0; n < steps; n++) {
      const middle = round(round(boundary(n) + boundary(n + 1)) / 2);
      const value = round(round(10 ** (power - 6)) * middle);
      values.push(value, -value);
    }
  }
  return values.sort((a, b) => a - b);
})();

export function quantizeScales(scales: Float32Array): DoubleQuantized {
  const offset = Math.fround(scales.reduce((sum, scale) => sum + scale, 0) / Math.max(1, scales.length));
  const blocks = Math.ceil(scales.length / scaleBlock);
  const codes = new Int32Array((blocks * scaleBlock) / 4);
  const outer = new Float32Array(blocks);
  scales.forEach((scale, n) => {
    const block = Math.floor(n / scaleBlock);
    outer[block] = Math.max(outer[block]!, Math.abs(Math.fround(scale - offset)));
  });
  scales.forEach((scale, n) => {
    const most = outer[Math.floor(n / scaleBlock)]!;
    const code = most > 0 ? nearestInMap(Math.fround(scale - offset) / most) : nearestInMap(0);
    codes[n >> 2]! |= code << (8 * (n & 3));
  });
  return { codes, scales: outer, offset };
}

function nearestInMap(value: number): number {
  let below = 0;
  for (let step = dynamicMap.length / 2; step >= 1; step /= 2) {
    if (dynamicMap[below + step]! <= value) below += step;
  }
  const above = Math.min(below + 1, dynamicMap.length - 1);
  return value - dynamicMap[below]! <= dynamicMap[above]! - value ? below : above;
}

/** The scales that are computed with. */
export function scalesOf(
  { codes, scales, offset }: DoubleQuantized,
  count: number,
): Float32Array<ArrayBuffer> {
  return Float32Array.from({ length: count }, (_, n) => {
    const code = (codes[n >> 2]! >>> (8 * (n & 3))) & 255;
    return Math.fround(Math.fround(dynamicMap[code]! * scales[Math.floor(n / scaleBlock)]!) + offset);
  });
}

/** The numbers that the codes stand for, in float64. */
export function dequantizeNf4Oracle({ shape, codes, scales }: Nf4Arrays): NdArray {
  const values = ndarray(shape);
  values.data.forEach((_, n) => {
    const code = Math.floor(codes[Math.floor(n / 8)]! / 16 ** (n % 8));
    values.data[n] = nf4Values[((code % 16) + 16) % 16]! * scales[Math.floor(n / nf4Block)]!;
  });
  return values;
}

/** One code for each number. */
export function nf4Codes({ shape, codes }: Nf4Arrays): Int32Array<ArrayBuffer> {
  return Int32Array.from({ length: sizeOf(shape) }, (_, n) => (codes[n >> 3]! >>> (4 * (n & 7))) & 15);
}
