/** Turns what a notebook gave into facts of a golden file. */
import { jsonNumber } from '../../src/display/format.js';
import { isObject } from '../notebook/format.js';
import type { Fact } from './fact.js';
import { summariseNumbers } from './numbers.js';

/** JSON as a fact: undefined fields dropped, long arrays of numbers summarised. */
export function toFact(value: unknown): Fact {
  const numbers = summariseNumbers(value);
  if (numbers) return numbers;
  if (Array.isArray(value)) return value.map(toFact);
  if (isObject(value))
    return Object.fromEntries(
      Object.entries(value)
        .filter(([, entry]) => entry !== undefined)
        .map(([key, entry]) => [key, toFact(entry)]),
    );
  if (typeof value === 'number') return jsonNumber(value);
  return typeof value === 'boolean' || value === null ? value : String(value);
}
