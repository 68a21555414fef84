/** Heads over ranks: consecutive ones together, so that grouped queries stay with their keys and values. */
import type { Communicator } from '../communicator/index.js';

export interface Heads {
  /** Query heads. */
  H: number;
  /** Key/value heads. */
  K: number;
}

export interface HeadShare extends Heads {
  /** Into how many slices the key/value heads are cut: n, or K where there are fewer of them than ranks. */
  kvParts: number;
  /** Which of the slices is this rank's. */
  kvPart: number;
}

/**
 * Of H query heads each rank has H/n; of K key/value heads K/n, or, where K < n, one that n/K neighbours share.
 * @throws RangeError with the sizes that would do
 */
export function headsOf({ H, K }: Heads, rank: number, size: number): HeadShare {
  const fits = (n: number) => H % n === 0 && (K % n === 0 || n % K === 0);
  if (!fits(size)) {
    const near = [...Array(H).keys()].map((n) => n + 1).filter(fits);
    const below = near.filter((n) => n < size).at(-1);
    const above = near.find((n) => n > size);
    throw new RangeError(
      `${H} query heads and ${K} key/value heads do not divide over ${size} ranks; nearest: ` +
        [below, above].filter((n) => n !== undefined).join(' or '),
    );
  }
  const kvParts = Math.min(K, size);
  return { H: H / size, K: Math.max(1, K / size), kvParts, kvPart: Math.floor((rank * kvParts) / size) };
}

/**
 * The ranks that hold the same key/value heads, over which the gradients of their weights are summed.
 * @returns undefined where every rank has its own; all ranks must call it
 */
export async function keyValueGroup(comm: Communicator, heads: Heads): Promise<Communicator | undefined> {
  const { kvPart, kvParts } = headsOf(heads, comm.rank, comm.size);
  return kvParts < comm.size ? comm.split(kvPart, 'key/value heads') : undefined;
}
