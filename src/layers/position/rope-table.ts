/**
 * The cosine and sine table of RoPE, computed on the CPU in float64 (WGSL promises little for sin and cos, and float16
 * positions collide) and kept on the device, so that repeated calls with the same positions upload nothing.
 */
import { tf } from '../../compute/tf.js';

/** Real-valued positions of the T tokens. A tensor is taken while its values are still on the CPU. */
export type Positions = readonly number[] | Float32Array | Float64Array | Int32Array | tf.Tensor;

/**
 * Rotation frequencies theta_i = base^(-2i/D) in radians per position, i = 0..D/2-1.
 * @throws RangeError when D is odd or not positive, or base is not positive.
 */
export function ropeFrequencies(D: number, base = 10000): Float64Array {
  if (!Number.isInteger(D) || D < 0 || D % 2 !== 0) {
    throw new RangeError(`rope: D must be even, because features are rotated in pairs; got D = ${D}`);
  }
  if (!(base > 0 && Number.isFinite(base)))
    throw new RangeError(`rope: base must be a positive number, got ${base}`);
  return Float64Array.from({ length: D / 2 }, (_, i) => base ** ((-2 * i) / D));
}

/** Which angles and which length the pairs of features get. */
export interface Rotation {
  /** Radians per position, [D/2]. */
  frequencies: Float64Array;
  /** Multiplies cosine and sine: the attention factor of YaRN. */
  factor: number;
}

/** Angles positions[t] * theta_i in radians, row-major [T, D/2], float64. */
export function ropeAngles(positions: Positions, D: number, base = 10000): Float64Array {
  return anglesOf(positions, ropeFrequencies(D, base));
}

export function anglesOf(positions: Positions, frequencies: Float64Array): Float64Array {
  const values = positionValues(positions);
  const half = frequencies.length;
  const angles = new Float64Array(values.length * half);
  for (let t = 0; t < values.length; t++) {
    for (let i = 0; i < half; i++) angles[t * half + i] = values[t]! * frequencies[i]!;
  }
  return angles;
}

/** @throws Error when the positions are a tensor whose values exist on the GPU only. */
export function positionValues(positions: Positions): ArrayLike<number> {
  if (Array.isArray(positions) || ArrayBuffer.isView(positions)) return positions as ArrayLike<number>;
  const tensor = positions as tf.Tensor;
  if (typeof tensor?.dataSync !== 'function') {
    throw new TypeError(`rope: positions must be numbers or a tensor [T], got ${typeof positions}`);
  }
  if (tensor.rank !== 1) throw new RangeError(`rope: positions must be [T], got [${tensor.shape}]`);
  try {
    return tensor.dataSync();
  } catch {
    throw new Error(
      'rope: the positions were computed on the GPU, but the rotation table is built on the CPU; ' +
        'pass numbers, or `await positions.data()`',
    );
  }
}

interface TableEntry {
  rotation: Rotation;
  positions: Float64Array;
  table: tf.Tensor;
}

const capacity = 16;
const caches = new WeakMap<object, TableEntry[]>();

/**
 * The table as a tensor [T, D/2, 2] of (cos, sin) on the current backend. It belongs to the cache (the 16 most
 * recently used are kept): do not dispose it.
 */
export function ropeTable(positions: Positions, rotation: Rotation): tf.Tensor {
  const backend = tf.backend();
  const entries = caches.get(backend) ?? [];
  caches.set(backend, entries);
  const values = Float64Array.from(positionValues(positions));
  const found = entries.findIndex(
    (entry) =>
      !entry.table.isDisposed &&
      entry.rotation.factor === rotation.factor &&
      equal(entry.rotation.frequencies, rotation.frequencies) &&
      equal(entry.positions, values),
  );
  const entry =
    found >= 0
      ? entries.splice(found, 1)[0]!
      : { rotation, positions: values, table: makeTable(values, rotation) };
  entries.unshift(entry);
  for (const old of entries.splice(capacity)) old.table.dispose();
  return entry.table;
}

function makeTable(positions: Float64Array, { frequencies, factor }: Rotation): tf.Tensor {
  const angles = anglesOf(positions, frequencies);
  const table = new Float32Array(angles.length * 2);
  angles.forEach((angle, i) => {
    table[2 * i] = factor * Math.cos(angle);
    table[2 * i + 1] = factor * Math.sin(angle);
  });
  return tf.keep(tf.tensor(table, [positions.length, frequencies.length, 2], 'float32'));
}

function equal(a: Float64Array, b: Float64Array): boolean {
  return a.length === b.length && a.every((value, i) => Object.is(value, b[i]));
}
