/**
 * Binary values inside a widget's state travel as buffers beside the JSON. Each buffer's path says where it belongs: in
 * arrays its place holds null, in objects its key is missing. (The convention of the Jupyter widgets' protocol.)
 */
import { bytesOf } from './comm.js';

export type BufferPath = (string | number)[];
type Container = Record<string, unknown> | unknown[];

export interface Split {
  state: Record<string, unknown>;
  buffer_paths: BufferPath[];
  buffers: Uint8Array[];
}

/** Takes the binary values out; what is given stays untouched. */
export function splitBuffers(state: Record<string, unknown>): Split {
  const paths: BufferPath[] = [];
  const buffers: Uint8Array[] = [];
  const visit = (value: unknown, path: BufferPath): unknown => {
    if (isBinary(value)) {
      paths.push(path);
      buffers.push(bytesOf(value));
      return removed;
    }
    if (Array.isArray(value))
      return value.map((item, index) => {
        const rest = visit(item, [...path, index]);
        return rest === removed ? null : rest;
      });
    if (isPlainObject(value)) return fields(value, path);
    return value;
  };
  const fields = (object: Record<string, unknown>, path: BufferPath): Record<string, unknown> =>
    Object.fromEntries(
      Object.entries(object)
        .map(([key, item]) => [key, visit(item, [...path, key])])
        .filter(([, item]) => item !== removed),
    );
  return { state: fields(state, []), buffer_paths: paths, buffers };
}

const removed = Symbol('a binary value');

/**
 * Puts buffers back into `state`, in place.
 * @throws TypeError for a path that leads nowhere: the message is malformed
 */
export function joinBuffers(
  state: Record<string, unknown>,
  paths: readonly BufferPath[],
  buffers: readonly Uint8Array[],
): void {
  paths.forEach((path, index) => {
    let container: unknown = state;
    for (const step of path.slice(0, -1))
      container = isContainer(container) ? own(container, step) : undefined;
    const last = path.at(-1);
    const bytes = buffers[index];
    if (!isContainer(container) || last === undefined || !bytes)
      throw new TypeError(`a widget's buffer has no place: ${JSON.stringify(path)}`);
    // Never by assignment: the path comes from outside, and `__proto__` would reach every object.
    Object.defineProperty(container, last, {
      value: bytes,
      writable: true,
      enumerable: true,
      configurable: true,
    });
  });
}

function own(container: Container, step: string | number): unknown {
  return Object.hasOwn(container, step) ? (container as Record<string | number, unknown>)[step] : undefined;
}

function isContainer(value: unknown): value is Container {
  return Array.isArray(value) || isPlainObject(value);
}

function isBinary(value: unknown): value is ArrayBuffer | ArrayBufferView {
  return value instanceof ArrayBuffer || ArrayBuffer.isView(value);
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || prototype === Object.prototype;
}

type TypedArrayConstructor = { new (buffer: ArrayBuffer): ArrayBufferView; BYTES_PER_ELEMENT: number };

/** Bytes of the front end in the form the cell had there before, if they fit: a Float32Array stays one. */
export function likeBefore(bytes: Uint8Array, before: unknown): unknown {
  if (before instanceof ArrayBuffer) return new Uint8Array(bytes).buffer;
  if (!ArrayBuffer.isView(before) || before instanceof DataView || Buffer.isBuffer(before)) return bytes;
  const kind = before.constructor as unknown as TypedArrayConstructor;
  return bytes.byteLength % kind.BYTES_PER_ELEMENT === 0 ? new kind(new Uint8Array(bytes).buffer) : bytes;
}
