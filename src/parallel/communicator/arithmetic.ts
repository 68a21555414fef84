/** How two buffers of numbers become one: element by element, into the first. */
import { halfBits, halfValue } from '../../compute/half/binary16.js';
import type { Numbers, ReduceOptions, Reduction } from './communicator.js';

export type Combine = (into: Numbers, other: Numbers) => void;

/** A mean is a sum until `finish`. */
export function combineFor({ reduction = 'sum', half = false }: ReduceOptions): Combine {
  const maximum = reduction === 'max';
  if (half) return (into, other) => combineHalves(into, other, maximum);
  if (!maximum)
    return (into, other) => {
      for (let i = 0; i < into.length; i++) into[i]! += other[i]!;
    };
  return (into, other) => {
    // NaN wins, as in an element-wise maximum of tensors.
    for (let i = 0; i < into.length; i++) {
      const [a, b] = [into[i]!, other[i]!];
      into[i] = b > a || Number.isNaN(b) ? b : a;
    }
  };
}

/** Divides a sum by the number of ranks, where the mean is asked for. */
export function finish(data: Numbers, { reduction, half = false }: ReduceOptions, ranks: number): void {
  if (reduction !== 'mean') return;
  if (!half) {
    for (let i = 0; i < data.length; i++) data[i]! /= ranks;
    return;
  }
  eachHalf(data, (bits) => halfBits(halfValue(bits) / ranks));
}

/** @returns why this cannot be reduced, or undefined */
export function unreducible(data: Numbers, { reduction, half }: ReduceOptions): string | undefined {
  if (half && !(data instanceof Int32Array)) return 'half numbers are packed in an Int32Array';
  if (!half && data instanceof Int32Array && reduction === ('mean' satisfies Reduction))
    return 'a mean of int32 would be rounded: reduce with sum and divide';
  return undefined;
}

function combineHalves(into: Numbers, other: Numbers, maximum: boolean): void {
  let i = 0;
  let high = false;
  eachHalf(into, (bits) => {
    const otherBits = high ? other[i]! >>> 16 : other[i]! & 0xffff;
    if (high) i++;
    high = !high;
    const [a, b] = [halfValue(bits), halfValue(otherBits)];
    if (maximum) return b > a || Number.isNaN(b) ? otherBits : bits;
    return halfBits(a + b);
  });
}

/** Low half first. */
function eachHalf(data: Numbers, change: (bits: number) => number): void {
  for (let i = 0; i < data.length; i++) {
    const low = change(data[i]! & 0xffff);
    const high = change(data[i]! >>> 16);
    data[i] = (high << 16) | low;
  }
}
