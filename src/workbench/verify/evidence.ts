/**
 * What is recorded of the two sides of a comparison beyond their difference, so that an audit can tell later whether
 * they were two things at all: a digest of the values of each side, and whether one object stood on both.
 */
import { createHash } from 'node:crypto';
import type { Values } from './values.js';

export interface Evidence {
  /** Digests of the float64 values in order, without their shape: equal where the values are. */
  actual: string;
  expected: string;
  /** Every expected value is one that half precision holds, as counts and small fractions are: no error is no wonder. */
  simple: boolean;
  /** The very object that was expected was given as the actual value. */
  same?: true;
}

export function evidenceOf(actual: Values, expected: Values, isSame: boolean): Evidence {
  return {
    actual: digest(actual.data),
    expected: digest(expected.data),
    simple: expected.data.every(isSimple),
    ...(isSame && { same: true }),
  };
}

function digest(values: Float64Array): string {
  const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  return createHash('sha256').update(bytes).digest('hex').slice(0, 16);
}

/** Whether 11 bits hold the value (or it is no number, where only equality is right). */
function isSimple(value: number): boolean {
  if (value === 0 || !Number.isFinite(value)) return true;
  const scaled = value / 2 ** (Math.floor(Math.log2(Math.abs(value))) - 10);
  return Number.isInteger(scaled);
}
