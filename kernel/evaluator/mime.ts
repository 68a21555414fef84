/** A value as an output: its own bundle, the values of a tensor, a table of records, or what `util.inspect` says. */
import { inspect } from 'node:util';
import { displayKey, isDisplayable, type MimeBundle } from '../../src/display.js';
import { isTable, tableHtml } from './table.js';
import { isTensor, tensorText } from './tensor-text.js';

const inspectOptions = { depth: 4, maxArrayLength: 100, maxStringLength: 10_000, breakLength: 100 };

/** `undefined` for `undefined`: a cell without a result shows nothing. */
export function toBundle(value: unknown): MimeBundle | undefined | Promise<MimeBundle> {
  if (value === undefined) return undefined;
  const own = ownBundle(value);
  if (own !== undefined)
    return isPromise(own) ? own.then((bundle) => checked(bundle, value)) : checked(own, value);
  if (isTensor(value)) return tensorText(value).then((text) => ({ 'text/plain': text }));
  if (isTimer(value)) return { 'text/plain': `Timeout (${value._idleTimeout} ms)` };
  const text = inspect(value, inspectOptions);
  return isTable(value) ? { 'text/plain': text, 'text/html': tableHtml(value) } : { 'text/plain': text };
}

/** By `toMimeBundle()`, or by the method `Symbol.for('Jupyter.display')` that Deno's notebooks use. */
function ownBundle(value: unknown): unknown {
  if (isDisplayable(value)) return value.toMimeBundle();
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return undefined;
  const show = (value as Record<symbol, unknown>)[displayKey];
  return typeof show === 'function' ? show.call(value) : undefined;
}

/** What `setTimeout` returns is a page of Node's internals, and it ends many cells. */
function isTimer(value: unknown): value is { _idleTimeout: number } {
  return typeof value === 'object' && value !== null && '_idleTimeout' in value && '_onTimeout' in value;
}

function checked(bundle: unknown, value: unknown): MimeBundle {
  if (typeof bundle !== 'object' || bundle === null || Array.isArray(bundle)) {
    throw new TypeError(
      `display: the value's own bundle must be an object of mime types, got ${inspect(bundle, { depth: 0 })}`,
    );
  }
  const mime = bundle as MimeBundle;
  return 'text/plain' in mime
    ? mime
    : { 'text/plain': inspect(value, { ...inspectOptions, depth: 1 }), ...mime };
}

function isPromise(value: unknown): value is Promise<unknown> {
  return typeof (value as Partial<Promise<unknown>> | null)?.then === 'function';
}
