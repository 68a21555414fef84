/**
 * What the source documents describe under the name RoPE, taken literally, for notebooks that execute the mistake
 * beside `rope`. Float64, plain loops. Each function names its erratum.
 */
import { type NdArray, ndarray } from '../../compute/ndarray.js';
import { broadcastStrides, shown } from '../../compute/shapes.js';
import { type RopeOptions, ropeOracle } from '../../layers/position/rope.js';

/**
 * E03: a learned table of absolute positions added to the input, under PyTorch's broadcasting, with all M rows of the
 * table whatever the length of the input.
 * @param x meant to be [B,T,C]; token ids [B,T] are added raw when they happen to broadcast
 * @param table [M,C]
 * @throws RangeError when x does not broadcast with [1,M,C]
 */
export function absoluteEmbeddingRope(x: NdArray, table: NdArray): NdArray {
  const [M, C] = table.shape as [number, number];
  const [B = 1] = x.shape.length === 3 ? x.shape : [];
  const shape = [B, M, C];
  const strides = broadcastStrides(x.shape, shape);
  if (!strides) {
    throw new RangeError(
      `absoluteEmbeddingRope: x ${shown(x.shape)} does not broadcast with the table [1,M,C] = [1,${M},${C}]`,
    );
  }
  const y = ndarray(shape);
  for (let n = 0; n < y.data.length; n++) {
    const [b, m, c] = [Math.floor(n / (M * C)), Math.floor(n / C) % M, n % C];
    y.data[n] = x.data[b * strides[0]! + m * strides[1]! + c * strides[2]!]! + table.data[m * C + c]!;
  }
  return y;
}

/**
 * E13: the offset of each token to its neighbour, looked up in a table and added to the token. In running text that
 * offset is always 1, so every token gets the same vector.
 * @param x [T,C] @param positions T integers @param table [M,C], row o for offset o
 */
export function neighbourOffsetRope(x: NdArray, positions: readonly number[], table: NdArray): NdArray {
  const [T, C] = x.shape as [number, number];
  const y = ndarray(x.shape, x.data);
  for (let t = 1; t < T; t++) {
    const offset = positions[t]! - positions[t - 1]!;
    if (!(offset >= 0 && offset < table.shape[0]!)) {
      throw new RangeError(
        `neighbourOffsetRope: the table ${shown(table.shape)} has no row for the offset ${offset}`,
      );
    }
    for (let c = 0; c < C; c++) y.data[t * C + c]! += table.data[offset * C + c]!;
  }
  return y;
}

/** E14: positions that restart at 0 in every segment, so that offsets across a boundary are wrong. x [...,T,D]. */
export function segmentedRope(x: NdArray, segment: number, options?: Omit<RopeOptions, 'path'>): NdArray {
  return ropeOracle(
    x,
    Array.from({ length: tokensOf(x) }, (_, t) => t % segment),
    options,
  );
}

/** E23: pixels numbered row by row, so that a pair's offset depends on the image's width. */
export function flattenedPixelPosition(row: number, column: number, width: number): number {
  return row * width + column;
}

/** E103: base^(-2(i-1)/d) with i running over all d features instead of the d/2 pairs. */
export function frequenciesOfEveryFeature(d: number, base = 10000): number[] {
  return Array.from({ length: d }, (_, index) => base ** ((-2 * index) / d));
}

/** E105: the table laid along the head axis of [B,T,H,D]: every token of head h is rotated by the position h. */
export function headAxisRope(x: NdArray, options?: Omit<RopeOptions, 'path'>): NdArray {
  const [, T, H] = x.shape as [number, number, number];
  if (T !== H) {
    throw new RangeError(
      `headAxisRope: cos and sin [T,D] meet the head axis of x ${shown(x.shape)}: T must equal H`,
    );
  }
  return ropeOracle(
    x,
    Array.from({ length: H }, (_, h) => h),
    options,
  );
}

/** E107: position ids are ignored, so that a cached decode step is always rotated as position 0. x [...,T,D]. */
export function positionlessRope(x: NdArray, options?: Omit<RopeOptions, 'path'>): NdArray {
  return ropeOracle(
    x,
    Array.from({ length: tokensOf(x) }, (_, t) => t),
    options,
  );
}

function tokensOf(x: NdArray): number {
  return x.shape[x.shape.length - 2]!;
}
