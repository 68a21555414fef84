/**
 * A value as an output: by its own bundle, or by what it is (tensor, numbers, bytes, table), or as `util.inspect` has
 * it. Nothing here changes a value, keeps it, or runs its getters, except to look for its own bundle.
 */
import { types } from 'node:util';
import { displayKey, type MimeBundle } from '../../src/display/display.js';
import { binaryBundle } from './bytes.js';
import { elementBundle } from './element.js';
import { jsonBundle } from './json.js';
import { isMatrix, numbersHtml } from './matrix.js';
import { mapHtml, recordsHtml } from './table.js';
import { isTensor, tensorBundle } from './tensor.js';
import { valueText } from './text.js';

/** `undefined` for `undefined`: a cell without a result shows nothing. */
export function toBundle(value: unknown): MimeBundle | undefined | Promise<MimeBundle> {
  if (value === undefined) return undefined;
  const show = ownMethod(value);
  if (show) {
    const own = show.call(value);
    return isPromise(own)
      ? Promise.resolve(own).then((bundle) => checked(bundle, value))
      : checked(own, value);
  }
  if (typeof value !== 'object' || value === null || types.isProxy(value))
    return { 'text/plain': valueText(value) };
  if (isTensor(value)) return tensorBundle(value);
  const element = elementBundle(value);
  if (element) return element;
  const binary = binaryBundle(value);
  if (binary) return binary;
  const html = tableHtml(value);
  return { 'text/plain': valueText(value), ...(html === undefined ? {} : { 'text/html': html }) };
}

function tableHtml(value: object): string | undefined {
  if (Array.isArray(value)) return isMatrix(value) ? numbersHtml(value) : recordsHtml(value);
  return types.isMap(value) ? mapHtml(value) : undefined;
}

type Show = (this: unknown) => unknown;

/** `toMimeBundle()`, or the method `Symbol.for('Jupyter.display')` that Deno's notebooks use. */
function ownMethod(value: unknown): Show | undefined {
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return undefined;
  for (const key of ['toMimeBundle', displayKey]) {
    const method = read(value, key);
    if (typeof method === 'function') return method as Show;
  }
  return undefined;
}

/** A proxy or getter that throws has no bundle. */
function read(value: object, key: PropertyKey): unknown {
  try {
    return Reflect.get(value, key);
  } catch {
    return undefined;
  }
}

function checked(bundle: unknown, value: unknown): MimeBundle {
  if (typeof bundle !== 'object' || bundle === null || Array.isArray(bundle)) {
    throw new TypeError(
      `display: the value's own bundle must be an object of mime types, got ${valueText(bundle, 0)}`,
    );
  }
  const mime = jsonBundle(bundle);
  return 'text/plain' in mime ? mime : { 'text/plain': valueText(value, 1), ...mime };
}

function isPromise(value: unknown): value is Promise<unknown> {
  return typeof value === 'object' && value !== null && typeof read(value, 'then') === 'function';
}
