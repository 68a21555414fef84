/** Typed arrays as arrays of numbers; buffers as bytes in hexadecimal beside their text, or as the image they hold. */
import type { MimeBundle } from '../../src/display/display.js';
import { sniffImage } from '../../src/display/image.js';
import { arrayText } from './array-text.js';
import { headed } from './headed.js';
import { numberText } from './number-text.js';

/** Of more bytes than this the middle is left out. */
const mostLines = 16;
const perLine = 16;
/** An image larger than this would weigh on the notebook: its bytes are shown instead. */
const largestImage = 32 * 1024 * 1024;

/** The forms of a value that is made of bytes or numbers; undefined for any other. */
export function binaryBundle(value: object): MimeBundle | undefined {
  if (Buffer.isBuffer(value)) return bytesBundle('Buffer', value);
  if (value instanceof ArrayBuffer || value instanceof SharedArrayBuffer)
    return bytesBundle(nameOf(value), new Uint8Array(value));
  if (value instanceof DataView)
    return bytesBundle('DataView', new Uint8Array(value.buffer, value.byteOffset, value.byteLength));
  if (!ArrayBuffer.isView(value)) return undefined;
  const image = value instanceof Uint8Array ? imageBundle('Uint8Array', value) : undefined;
  return image ?? numbersBundle(value as unknown as TypedArray);
}

type TypedArray = ArrayLike<number | bigint> & object;

function numbersBundle(values: TypedArray): MimeBundle {
  const body = arrayText([values.length], (positions) => {
    const shown = positions.map((position) => values[position]!);
    const text = numberText(shown.filter((value) => typeof value === 'number'));
    return (position) => {
      const value = values[position]!;
      return typeof value === 'bigint' ? `${value}n` : text(value);
    };
  });
  return headed(`${nameOf(values)}(${values.length})`, body);
}

function bytesBundle(name: string, bytes: Uint8Array): MimeBundle {
  const header = `${name}, ${sizeOf(bytes)}`;
  return imageBundle(name, bytes) ?? (bytes.length ? headed(header, hexDump(bytes)) : headed(header));
}

/** The image is what a person wants to see of it: no HTML form stands in its way. */
function imageBundle(name: string, bytes: Uint8Array): MimeBundle | undefined {
  const mime = bytes.length <= largestImage ? sniffImage(bytes) : undefined;
  if (mime === undefined) return undefined;
  const base64 = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('base64');
  return { 'text/plain': `${name}, ${sizeOf(bytes)} (${mime})`, [mime]: base64 };
}

function sizeOf({ length }: Uint8Array): string {
  return `${length} ${length === 1 ? 'byte' : 'bytes'}`;
}

function hexDump(bytes: Uint8Array): string {
  const lines = Math.ceil(bytes.length / perLine);
  const line = (index: number): string => {
    const part = [...bytes.subarray(index * perLine, (index + 1) * perLine)];
    const hex = part.map((byte) => byte.toString(16).padStart(2, '0')).join(' ');
    const text = part.map((byte) => (byte >= 32 && byte < 127 ? String.fromCharCode(byte) : '.')).join('');
    return `${(index * perLine).toString(16).padStart(8, '0')}  ${hex.padEnd(3 * perLine - 1)}  ${text}`;
  };
  const range = (from: number, to: number) => Array.from({ length: to - from }, (_, at) => line(from + at));
  if (lines <= mostLines) return range(0, lines).join('\n');
  const head = range(0, mostLines - 4);
  const tail = range(lines - 3, lines);
  const left = (lines - head.length - tail.length) * perLine;
  return [...head, `… ${left} more bytes`, ...tail].join('\n');
}

function nameOf(value: object): string {
  return Object.prototype.toString.call(value).slice('[object '.length, -1);
}
