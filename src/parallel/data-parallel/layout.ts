/**
 * Where parameters lie in one flat vector, which is divided into equal parts, one per rank: what is reduced and gathered in one
 * call. Padding makes the length divide.
 */
import { sizeOf } from '../../compute/ndarray.js';

export interface FlatParameter {
  readonly name: string;
  readonly shape: readonly number[];
}

/** `length` numbers of a parameter, from `from` of its row-major values, lie at `at` of the vector. */
export interface Piece {
  readonly name: string;
  readonly from: number;
  readonly at: number;
  readonly length: number;
}

export interface Layout {
  readonly parameters: readonly FlatParameter[];
  readonly parts: number;
  readonly partLength: number;
  /** With padding: parts × partLength. */
  readonly length: number;
  readonly pieces: readonly Piece[];
}

/**
 * One parameter after the other, the end padded with zeros: ZeRO's partition (Rajbhandari et al. 2020, arXiv:1910.02054).
 * @param multiple what the length of a part is a multiple of: 2 for halves, which are packed in pairs
 */
export function flatLayout(parameters: readonly FlatParameter[], parts = 1, multiple = 1): Layout {
  let at = 0;
  const pieces = parameters.map(({ name, shape }) => {
    const piece = { name, from: 0, at, length: sizeOf(shape) };
    at += piece.length;
    return piece;
  });
  const partLength = Math.ceil(at / (parts * multiple)) * multiple;
  return { parameters, parts, partLength, length: parts * partLength, pieces };
}

/** The pieces of one part; a piece that reaches over its bounds is cut. `at` counts from the part's beginning. */
export function piecesOfPart({ pieces, partLength }: Layout, part: number): Piece[] {
  const [begin, end] = [part * partLength, (part + 1) * partLength];
  return pieces.flatMap(({ name, from, at, length }) => {
    const [first, last] = [Math.max(at, begin), Math.min(at + length, end)];
    return last > first ? [{ name, from: from + first - at, at: first - begin, length: last - first }] : [];
  });
}

/** The parameters' values out of the vector, each in an array of its own. */
export function valuesOf(layout: Layout, whole: Float32Array): Map<string, Float32Array> {
  const values = new Map(layout.parameters.map(({ name, shape }) => [name, new Float32Array(sizeOf(shape))]));
  for (const { name, from, at, length } of layout.pieces)
    values.get(name)!.set(whole.subarray(at, at + length), from);
  return values;
}
