/** What every part of a notebook may need: keys that the format does not know, and values it does not allow. */
import type { Note } from './mends.js';
import { shown } from './mends.js';

export type Json = Record<string, unknown>;

/** Takes the keys out that are not `allowed`. */
export function dropUnknown(object: Json, allowed: readonly string[], note: Note, path = ''): void {
  for (const key of Object.keys(object)) {
    if (allowed.includes(key)) continue;
    note(`${path}${key} is not part of the format, left out`);
    delete object[key];
  }
}

/** Takes the keys out whose values are there and not valid. */
export function keepValid(
  object: Json,
  path: string,
  valid: Record<string, (value: unknown) => boolean>,
  note: Note,
): void {
  for (const [key, isValid] of Object.entries(valid)) {
    if (!(key in object) || isValid(object[key])) continue;
    note(`${path}.${key} is ${shown(object[key])}, left out`);
    delete object[key];
  }
}

/** Gives keys that are missing, or null where that is not allowed, their value. */
export function fillIn(object: Json, path: string, values: Json, note: Note): void {
  for (const [key, value] of Object.entries(values)) {
    if (object[key] !== undefined && (object[key] !== null || value === null)) continue;
    note(`${path}${key} is ${object[key] === null ? 'null' : 'missing'}, read as ${shown(value)}`);
    object[key] = value;
  }
}
