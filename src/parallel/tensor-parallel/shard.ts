/** Which slice of a weight a rank holds. All are slices of one master matrix: drawn per rank, equal seeds would repeat themselves. */
import { type NdArray, ndarray } from '../../compute/ndarray.js';
import { shown } from '../../compute/shapes.js';

/**
 * Slice `rank` of `size` equal ones along an axis: axis 0 of [out, in] for a column-parallel weight (Megatron counts the axes of
 * the transposed matrix), axis 1 for a row-parallel one.
 * @throws RangeError when the axis does not divide
 */
export function shardOf(weight: NdArray, axis: number, rank: number, size: number): NdArray {
  const extent = weight.shape[axis] ?? 0;
  if (extent % size !== 0) {
    const below = Math.floor(extent / size) * size;
    throw new RangeError(
      `shardOf: axis ${axis} of a weight ${shown(weight.shape)} does not divide into ${size} shards; ` +
        `${below > 0 ? `${below} or ` : ''}${below + size} rows or columns would`,
    );
  }
  const { outer, inner } = around(weight.shape, axis);
  const each = extent / size;
  const shard = ndarray(weight.shape.map((whole, n) => (n === axis ? each : whole)));
  for (let o = 0; o < outer; o++) {
    const from = (o * extent + rank * each) * inner;
    shard.data.set(weight.data.subarray(from, from + each * inner), o * each * inner);
  }
  return shard;
}

/** The weight whose shards, in order of the ranks, these are. */
export function joinShards(shards: readonly NdArray[], axis: number): NdArray {
  const { outer, inner } = around(shards[0]!.shape, axis);
  const each = shards[0]!.shape[axis]!;
  const whole = ndarray(shards[0]!.shape.map((extent, n) => (n === axis ? extent * shards.length : extent)));
  for (const [rank, { data }] of shards.entries()) {
    for (let o = 0; o < outer; o++) {
      const to = (o * shards.length + rank) * each * inner;
      whole.data.set(data.subarray(o * each * inner, (o + 1) * each * inner), to);
    }
  }
  return whole;
}

/** With rows of zeros at the end, or without the last rows: [rows, ...]. */
export function withRows(weight: NdArray, rows: number): NdArray {
  const changed = ndarray([rows, ...weight.shape.slice(1)]);
  changed.data.set(weight.data.subarray(0, changed.data.length));
  return changed;
}

function around(shape: readonly number[], axis: number): { outer: number; inner: number } {
  const size = (part: readonly number[]) => part.reduce((product, extent) => product * extent, 1);
  return { outer: size(shape.slice(0, axis)), inner: size(shape.slice(axis + 1)) };
}
