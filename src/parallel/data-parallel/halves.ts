/** Float32 numbers as halves, two in each element of an Int32Array, the first in the low bits: what communicators add. */
import { halfBits, halfValue } from '../../compute/half/binary16.js';

/** Each number rounded to the nearest half; an odd one out stands beside a zero. */
export function packHalves(values: Float32Array): Int32Array {
  const packed = new Int32Array(Math.ceil(values.length / 2));
  for (let n = 0; n < values.length; n++) packed[n >> 1]! |= halfBits(values[n]!) << ((n & 1) * 16);
  return packed;
}

export function unpackHalves(packed: Int32Array): Float32Array {
  return Float32Array.from({ length: 2 * packed.length }, (_, n) => halfAt(packed, n));
}

/** Adds numbers from place `at` on; each sum is rounded to a half. */
export function addToHalves(packed: Int32Array, at: number, values: Float32Array): void {
  for (let i = 0; i < values.length; i++) {
    const n = at + i;
    const shift = (n & 1) * 16;
    const sum = halfBits(halfAt(packed, n) + values[i]!);
    packed[n >> 1] = (packed[n >> 1]! & ~(0xffff << shift)) | (sum << shift);
  }
}

const halfAt = (packed: Int32Array, n: number): number =>
  halfValue((packed[n >> 1]! >>> ((n & 1) * 16)) & 0xffff);
