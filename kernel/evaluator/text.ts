/**
 * Any value as text, by `util.inspect`: no getter runs and no proxy is asked. What a value's own inspection throws is
 * told, and what would fill the page is cut, with a word on how much is missing.
 */
import { inspect, types } from 'node:util';

const options = { depth: 4, maxArrayLength: 100, maxStringLength: 10_000, breakLength: 100 };
const longest = 100_000;
const mostKeys = 1000;
const shownKeys = 100;
const mostSourceLines = 12;
const longestLine = 160;

export function valueText(value: unknown, depth = options.depth): string {
  try {
    const text = typeof value === 'function' ? functionText(value) : objectText(value, depth);
    return text.length <= longest
      ? text
      : `${text.slice(0, longest)}\n… ${text.length - longest} more characters`;
  } catch (error) {
    return `[${typeof value} that cannot be shown: ${messageOf(error)}]`;
  }
}

/** One line of at most `length` characters. */
export function briefText(value: unknown, length: number): string {
  let text: string;
  try {
    text = inspect(value, {
      depth: 1,
      maxArrayLength: 6,
      maxStringLength: length,
      breakLength: Number.POSITIVE_INFINITY,
    });
  } catch (error) {
    text = `[${messageOf(error)}]`;
  }
  return cut(text, length);
}

export function cut(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length - 1)}…`;
}

function objectText(value: unknown, depth: number): string {
  if (typeof value !== 'object' || value === null || Array.isArray(value) || types.isProxy(value))
    return inspect(value, { ...options, depth });
  // What `setTimeout` returns is a page of Node's internals, and it ends many cells.
  const timer: unknown = Object.getOwnPropertyDescriptor(value, '_idleTimeout')?.value;
  if (typeof timer === 'number' && Object.hasOwn(value, '_onTimeout')) return `Timeout (${timer} ms)`;
  const keys = Object.keys(value);
  if (keys.length <= mostKeys || inspect.custom in value) return inspect(value, { ...options, depth });
  const first = Object.create(Object.getPrototypeOf(value)) as object;
  for (const key of keys.slice(0, shownKeys))
    Object.defineProperty(first, key, Object.getOwnPropertyDescriptor(value, key)!);
  const text = inspect(first, { ...options, depth, compact: false });
  return `${text.slice(0, -2)},\n  … ${keys.length - shownKeys} more keys\n}`;
}

/** What it is, and the source: as JavaScript, the types are gone. */
function functionText(value: object): string {
  const header = inspect(value, { ...options, depth: 0 });
  const source = Function.prototype.toString.call(value);
  if (/\{\s*\[native code\]\s*\}$/.test(source)) return header;
  const lines = source.replaceAll('\t', '  ').split('\n');
  const shown = lines.slice(0, mostSourceLines).map((line) => cut(line, longestLine));
  const rest = lines.length - shown.length;
  return [header, ...shown, ...(rest > 0 ? [`… ${rest} more lines`] : [])].join('\n');
}

function messageOf(error: unknown): string {
  try {
    return error instanceof Error ? `${error.name}: ${error.message}` : inspect(error, { depth: 0 });
  } catch {
    return 'its inspection failed';
  }
}
