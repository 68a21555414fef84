/**
 * Reads the safetensors format: eight bytes of header length, a JSON header naming each tensor's dtype, shape and byte
 * range, then the data, little-endian (github.com/huggingface/safetensors). The header is untrusted input: everything
 * in it is checked before it is used, and errors name the file and the place.
 */
import { readFile } from 'node:fs/promises';
import { sizeOf } from './ndarray.js';

/** One tensor; 16-bit formats are widened to float32, F64 and I64 keep float64 (I64 beyond 2^53 is refused). */
export interface StoredTensor {
  readonly dtype: StoredType;
  readonly shape: readonly number[];
  readonly data: Float32Array | Float64Array | Int32Array | Uint8Array;
}

export interface Safetensors {
  readonly metadata: Readonly<Record<string, string>>;
  readonly tensors: ReadonlyMap<string, StoredTensor>;
}

const widths = { F64: 8, F32: 4, F16: 2, BF16: 2, I64: 8, I32: 4, U8: 1, BOOL: 1 } as const;
export type StoredType = keyof typeof widths;

/** The format's own limit on the header; a longer one is taken for a damaged file. */
const largestHeader = 100_000_000;

export class SafetensorsError extends Error {
  override name = 'SafetensorsError';
}

/** @throws SafetensorsError when the file is not valid; the usual file errors when it cannot be read. */
export async function readSafetensors(path: string): Promise<Safetensors> {
  return parseSafetensors(await readFile(path), path);
}

/** @param name what errors call the file */
export function parseSafetensors(bytes: Uint8Array, name: string): Safetensors {
  const fail = (offset: number, problem: string): never => {
    throw new SafetensorsError(`${name}: byte ${offset}: ${problem}`);
  };
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.byteLength < 8)
    fail(0, `a safetensors file starts with 8 bytes of header length, this has ${bytes.length}`);
  const length = view.getBigUint64(0, true);
  if (length > BigInt(largestHeader) || length > BigInt(bytes.byteLength - 8)) {
    fail(0, `the header length ${length} does not fit in a file of ${bytes.byteLength} bytes`);
  }
  const start = 8 + Number(length);
  const { __metadata__: metadata = {}, ...entries } = parseHeader(bytes.subarray(8, start), fail);
  if (!isRecord(metadata) || Object.values(metadata).some((value) => typeof value !== 'string')) {
    fail(8, '__metadata__ must be an object of strings');
  }
  const tensors = new Map<string, StoredTensor>();
  const taken: { begin: number; end: number; key: string }[] = [];
  for (const [key, entry] of Object.entries(entries)) {
    const { dtype, shape, begin, end } = checkEntry(key, entry, bytes.byteLength - start, (problem) =>
      fail(8, problem),
    );
    taken.push({ begin, end, key });
    tensors.set(key, { dtype, shape, data: decode(dtype, view, start + begin, sizeOf(shape), key, fail) });
  }
  checkCoverage(taken, bytes.byteLength - start, (offset, problem) => fail(start + offset, problem));
  return { metadata: metadata as Record<string, string>, tensors };
}

type Fail = (offset: number, problem: string) => never;

function parseHeader(bytes: Uint8Array, fail: Fail): Record<string, unknown> {
  let header: unknown;
  try {
    header = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (error) {
    fail(8, `the header is not JSON: ${(error as Error).message}`);
  }
  return isRecord(header) ? header : fail(8, 'the header must be a JSON object');
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

interface Entry {
  dtype: StoredType;
  shape: number[];
  begin: number;
  end: number;
}

function checkEntry(key: string, entry: unknown, available: number, fail: (problem: string) => never): Entry {
  if (!isRecord(entry)) return fail(`the entry of tensor '${key}' must be an object`);
  const { dtype, shape, data_offsets: offsets } = entry;
  if (typeof dtype !== 'string' || !Object.hasOwn(widths, dtype)) {
    return fail(
      `tensor '${key}' has dtype ${JSON.stringify(dtype)}; known are ${Object.keys(widths).join(', ')}`,
    );
  }
  if (!isCounts(shape)) {
    return fail(`tensor '${key}': shape must be a list of sizes, got ${JSON.stringify(shape)}`);
  }
  if (!isCounts(offsets) || offsets.length !== 2) {
    return fail(`tensor '${key}': data_offsets must be [begin, end], got ${JSON.stringify(offsets)}`);
  }
  const [begin, end] = offsets as [number, number];
  const needed = sizeOf(shape) * widths[dtype as StoredType];
  if (end - begin !== needed) {
    return fail(
      `tensor '${key}' ${dtype} [${shape}] needs ${needed} bytes, its data_offsets span ${end - begin}`,
    );
  }
  if (end > available) {
    return fail(
      `tensor '${key}' ends at byte ${end} of the data, which has only ${available} (truncated file?)`,
    );
  }
  return { dtype: dtype as StoredType, shape, begin, end };
}

function isCounts(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((item) => Number.isSafeInteger(item) && item >= 0);
}

/** The format forbids overlaps and holes. */
function checkCoverage(
  taken: { begin: number; end: number; key: string }[],
  available: number,
  fail: Fail,
): void {
  let reached = 0;
  for (const { begin, end, key } of taken.sort((a, b) => a.begin - b.begin || a.end - b.end)) {
    if (begin !== reached) fail(reached, `tensor '${key}' begins at ${begin} instead of ${reached}`);
    reached = end;
  }
  if (reached !== available) fail(reached, `${available - reached} bytes belong to no tensor`);
}

function decode(
  dtype: StoredType,
  view: DataView,
  start: number,
  size: number,
  key: string,
  fail: Fail,
): StoredTensor['data'] {
  const at = (n: number) => start + n * widths[dtype];
  switch (dtype) {
    case 'F32':
      return Float32Array.from({ length: size }, (_, n) => view.getFloat32(at(n), true));
    case 'F64':
      return Float64Array.from({ length: size }, (_, n) => view.getFloat64(at(n), true));
    case 'I32':
      return Int32Array.from({ length: size }, (_, n) => view.getInt32(at(n), true));
    case 'U8':
    case 'BOOL':
      return Uint8Array.from({ length: size }, (_, n) => view.getUint8(at(n)));
    case 'F16':
      return Float32Array.from({ length: size }, (_, n) => fromHalf(view.getUint16(at(n), true)));
    case 'BF16':
      return Float32Array.from({ length: size }, (_, n) => fromBrain(view.getUint16(at(n), true)));
    case 'I64':
      return Float64Array.from({ length: size }, (_, n) => {
        const value = Number(view.getBigInt64(at(n), true));
        return Number.isSafeInteger(value) ? value : fail(at(n), `tensor '${key}': ${value} exceeds 2^53`);
      });
  }
}

/** IEEE binary16: 1 sign, 5 exponent, 10 fraction bits. */
function fromHalf(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0x1f) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

const scratch = new DataView(new ArrayBuffer(4));

/** bfloat16 is the upper half of a float32. */
function fromBrain(bits: number): number {
  scratch.setUint32(0, bits << 16);
  return scratch.getFloat32(0);
}
