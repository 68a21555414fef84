/** What golden files are made of: JSON, with long arrays of numbers as a `NumbersFact`. */
import { jsonNumber } from '../../src/display/format.js';
import { isObject } from '../notebook/format.js';
import { summariseNumbers } from './numbers.js';

export type Fact = null | boolean | number | string | Fact[] | { [key: string]: Fact };

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
