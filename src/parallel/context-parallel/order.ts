/** Which tokens of a sequence a rank holds. */

/**
 * Zigzag: the sequence is cut into 2n chunks, and rank r holds chunks r and 2n − 1 − r, an early and a late one, so that under the causal
 * rule all ranks have as many pairs of queries and keys to compute (Brandon et al. 2023, arXiv:2311.09431, for the imbalance).
 * @returns positions in the order in which the rank holds them
 * @throws RangeError when T does not divide into 2n chunks
 */
export function zigzagPositions(T: number, rank: number, size: number): number[] {
  const chunk = chunkOf(T, 2 * size, `ring attention on ${size} ranks cuts the sequence into ${2 * size}`);
  return [...span(rank * chunk, chunk), ...span((2 * size - 1 - rank) * chunk, chunk)];
}

/**
 * One piece of T/n tokens after the other.
 * @throws RangeError when T does not divide
 */
export function contiguousPositions(T: number, rank: number, size: number): number[] {
  const chunk = chunkOf(T, size, `${size} ranks cut the sequence into ${size}`);
  return span(rank * chunk, chunk);
}

function chunkOf(T: number, chunks: number, why: string): number {
  if (T % chunks === 0) return T / chunks;
  const below = Math.floor(T / chunks) * chunks;
  throw new RangeError(
    `${why} chunks, which ${T} tokens do not divide into; ${below > 0 ? `${below} or ` : ''}${below + chunks} would`,
  );
}

const span = (start: number, length: number) => Array.from({ length }, (_, n) => start + n);
