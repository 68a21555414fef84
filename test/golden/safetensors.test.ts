import { describe, expect, it } from 'vitest';
import { parseSafetensors, SafetensorsError } from '../../src/compute/safetensors.js';

/** A file made of a header and data; a string header is used as it is. */
function file(header: unknown, data: Uint8Array = new Uint8Array(0)): Uint8Array {
  const text = new TextEncoder().encode(typeof header === 'string' ? header : JSON.stringify(header));
  const bytes = new Uint8Array(8 + text.length + data.length);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(text.length), true);
  bytes.set(text, 8);
  bytes.set(data, 8 + text.length);
  return bytes;
}

const bytesOf = (array: Float32Array | Float64Array | Int32Array | Uint16Array | BigInt64Array) =>
  new Uint8Array(array.buffer);

function single(dtype: string, data: Uint8Array, shape: number[]): ArrayLike<number> {
  const { tensors } = parseSafetensors(
    file({ t: { dtype, shape, data_offsets: [0, data.length] } }, data),
    'x',
  );
  return tensors.get('t')!.data;
}

describe('safetensors', () => {
  it('reads metadata, shapes and several tensors, at any alignment', () => {
    const header = {
      __metadata__: { op: 'sum' },
      mask: { dtype: 'BOOL', shape: [3], data_offsets: [0, 3] },
      x: { dtype: 'F32', shape: [2, 1], data_offsets: [3, 11] },
      empty: { dtype: 'F64', shape: [0, 4], data_offsets: [11, 11] },
    };
    const data = new Uint8Array([1, 0, 1, ...bytesOf(Float32Array.of(1.5, -2))]);
    const { metadata, tensors } = parseSafetensors(file(header, data), 'x');
    expect(metadata).toEqual({ op: 'sum' });
    expect(tensors.get('mask')).toEqual({ dtype: 'BOOL', shape: [3], data: Uint8Array.of(1, 0, 1) });
    expect(tensors.get('x')).toEqual({ dtype: 'F32', shape: [2, 1], data: Float32Array.of(1.5, -2) });
    expect(tensors.get('empty')!.data).toHaveLength(0);
  });

  it('reads a file that lies inside a larger buffer', () => {
    const inner = file({ t: { dtype: 'U8', shape: [2], data_offsets: [0, 2] } }, Uint8Array.of(7, 9));
    const outer = new Uint8Array(inner.length + 5);
    outer.set(inner, 5);
    expect(Array.from(parseSafetensors(outer.subarray(5), 'x').tensors.get('t')!.data)).toEqual([7, 9]);
  });

  it('decodes every dtype', () => {
    expect(Array.from(single('F64', bytesOf(Float64Array.of(Math.PI)), [1]))).toEqual([Math.PI]);
    expect(Array.from(single('I32', bytesOf(Int32Array.of(-5)), [1]))).toEqual([-5]);
    expect(Array.from(single('I64', bytesOf(BigInt64Array.of(-5n, 2n ** 53n - 1n)), [2]))).toEqual([
      -5,
      2 ** 53 - 1,
    ]);
    // 1, -2, largest, smallest subnormal, infinity, NaN
    const half = Uint16Array.of(0x3c00, 0xc000, 0x7bff, 0x0001, 0x7c00, 0x7e00);
    expect(Array.from(single('F16', bytesOf(half), [6]))).toEqual([
      1,
      -2,
      65504,
      2 ** -24,
      Number.POSITIVE_INFINITY,
      Number.NaN,
    ]);
    expect(Array.from(single('BF16', bytesOf(Uint16Array.of(0x3f80, 0xc049, 0x7f80)), [3]))).toEqual([
      1,
      -3.140625,
      Number.POSITIVE_INFINITY,
    ]);
  });

  const entry = { dtype: 'F32', shape: [1], data_offsets: [0, 4] };
  const four = new Uint8Array(4);
  const bad: [string, Uint8Array, RegExp][] = [
    ['too short', new Uint8Array(3), /case\.st: byte 0: .*8 bytes of header length, this has 3/],
    ['a header longer than the file', file('{}').subarray(0, 9), /byte 0: the header length 2 does not fit/],
    ['a huge header length', new Uint8Array(16).fill(255), /byte 0: the header length 18446744073709551615/],
    ['no JSON', file('{"a": '), /byte 8: the header is not JSON/],
    ['no object', file('[1]'), /the header must be a JSON object/],
    [
      'an unknown dtype',
      file({ t: { ...entry, dtype: 'F8' } }, four),
      /tensor 't' has dtype "F8"; known are/,
    ],
    ['an inherited dtype', file({ t: { ...entry, dtype: 'constructor' } }, four), /has dtype "constructor"/],
    [
      'a negative shape',
      file({ t: { ...entry, shape: [-1] } }, four),
      /shape must be a list of sizes, got \[-1\]/,
    ],
    [
      'offsets that do not fit the shape',
      file({ t: { ...entry, shape: [2] } }, four),
      /F32 \[2\] needs 8 bytes, .* span 4/,
    ],
    [
      'offsets beyond the data',
      file({ t: { ...entry, data_offsets: [4, 8] } }, four),
      /ends at byte 8 of the data, which has only 4/,
    ],
    ['overlapping tensors', file({ a: entry, b: entry }, four), /tensor 'b' begins at 0 instead of 4/],
    ['bytes of no tensor', file({ a: entry }, new Uint8Array(6)), /2 bytes belong to no tensor/],
    [
      'metadata that is no text',
      file({ __metadata__: { op: 1 } }),
      /__metadata__ must be an object of strings/,
    ],
    [
      'an integer beyond 2^53',
      file({ t: { dtype: 'I64', shape: [1], data_offsets: [0, 8] } }, bytesOf(BigInt64Array.of(2n ** 60n))),
      /exceeds 2\^53/,
    ],
  ];
  it.each(bad)('refuses %s, naming the file and the place', (_what, bytes, message) => {
    expect(() => parseSafetensors(bytes, 'case.st')).toThrow(SafetensorsError);
    expect(() => parseSafetensors(bytes, 'case.st')).toThrow(message);
  });
});
