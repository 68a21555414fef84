/** FSDP2's partition: every parameter by itself, along its first dimension (PyTorch FSDP, Zhao et al. 2023, arXiv:2304.11277, and fully_shard). */
import { sizeOf } from '../../compute/ndarray.js';
import type { FlatParameter, Layout, Piece } from '../data-parallel/layout.js';

/**
 * Each rank has ceil(rows / ranks) rows of every parameter; the last ranks have fewer, or none, and padding in their place. A rank's
 * parts of the parameters lie one after the other, so that one call gathers all of them.
 * @param multiple what the length of a part is a multiple of: 2 for halves, which are packed in pairs
 */
export function rowsLayout(parameters: readonly FlatParameter[], parts: number, multiple = 1): Layout {
  let begin = 0;
  const chunks = parameters.map(({ name, shape }) => {
    const [rows = 1, ...rest] = shape;
    const chunk = { name, size: sizeOf(shape), begin, length: Math.ceil(rows / parts) * sizeOf(rest) };
    begin += chunk.length;
    return chunk;
  });
  const partLength = Math.ceil(begin / multiple) * multiple;
  const pieces = Array.from({ length: parts }, (_, part) =>
    chunks.flatMap(({ name, size, begin, length }): Piece[] => {
      const from = part * length;
      const own = Math.min(length, size - from);
      return own > 0 ? [{ name, from, at: part * partLength + begin, length: own }] : [];
    }),
  ).flat();
  return { parameters, parts, partLength, length: parts * partLength, pieces };
}
