/**
 * The data of a Plotly figure: what its traces draw, not how. Arrays may be plain or base64 of their bytes, as Plotly's
 * Python library writes them.
 */
import { isObject } from '../notebook/format.js';
import type { Fact } from './fact.js';
import { toFact } from './to-fact.js';

/** The attributes of traces that carry data (https://plotly.com/javascript/reference/). */
const dataKeys = new Set(
  (
    'type name x y z u v w a b c r theta i j k lat lon locations values labels parents ids open high low close ' +
    'measure value text error_x error_y error_z base'
  ).split(' '),
);

/** undefined for what is no figure. */
export function figureFacts(figure: unknown, withLayout: boolean): Fact | undefined {
  if (!isObject(figure) || !Array.isArray(figure.data)) return undefined;
  const data = figure.data.filter(isObject).map((trace) => {
    const kept = Object.entries(trace).filter(([key]) => dataKeys.has(key));
    return Object.fromEntries(kept.map(([key, value]) => [key, toFact(decode(value))]));
  });
  return withLayout ? { data, layout: toFact(figure.layout ?? null) } : { data };
}

const readers: Record<string, { bytes: number; read: (view: DataView, at: number) => number }> = {
  i1: { bytes: 1, read: (view, at) => view.getInt8(at) },
  u1: { bytes: 1, read: (view, at) => view.getUint8(at) },
  u1c: { bytes: 1, read: (view, at) => view.getUint8(at) },
  i2: { bytes: 2, read: (view, at) => view.getInt16(at, true) },
  u2: { bytes: 2, read: (view, at) => view.getUint16(at, true) },
  i4: { bytes: 4, read: (view, at) => view.getInt32(at, true) },
  u4: { bytes: 4, read: (view, at) => view.getUint32(at, true) },
  f4: { bytes: 4, read: (view, at) => view.getFloat32(at, true) },
  f8: { bytes: 8, read: (view, at) => view.getFloat64(at, true) },
};

/** Plain JSON of an attribute; `{dtype, bdata, shape}` decoded wherever it stands. */
function decode(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(decode);
  if (!isObject(value)) return value;
  const { dtype, bdata, shape } = value;
  const reader = typeof dtype === 'string' && Object.hasOwn(readers, dtype) ? readers[dtype] : undefined;
  if (!reader || typeof bdata !== 'string')
    return Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, decode(entry)]));
  const bytes = Buffer.from(bdata, 'base64');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const length = Math.floor(bytes.length / reader.bytes);
  const flat = Array.from({ length }, (_, index) => reader.read(view, index * reader.bytes));
  const extents = shape === undefined ? [] : String(shape).split(',').map(Number);
  return nest(flat, extents);
}

function nest(flat: number[], extents: number[]): unknown[] {
  const rows = extents[0];
  if (extents.length < 2 || !rows) return flat;
  const stride = flat.length / rows;
  return Array.from({ length: rows }, (_, row) =>
    nest(flat.slice(row * stride, (row + 1) * stride), extents.slice(1)),
  );
}
