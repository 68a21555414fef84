/** Who sends which tokens to whom: known once the counts have been exchanged. */
import type { Communicator } from '../communicator/index.js';

/** Each rank owns E/n experts one after the other. @throws RangeError when they do not divide */
export function ownExperts(E: number, comm: Communicator | undefined): { first: number; count: number } {
  const { rank, size } = comm ?? { rank: 0, size: 1 };
  if (E % size === 0) return { first: (rank * E) / size, count: E / size };
  const fits = Array.from({ length: E }, (_, n) => n + 1).filter((n) => E % n === 0);
  const near = [fits.filter((n) => n < size).at(-1), fits.find((n) => n > size)];
  throw new RangeError(
    `${E} experts do not divide over ${size} ranks; nearest: ${near.filter((n) => n !== undefined).join(' or ')}`,
  );
}

export interface Routes {
  /** Of each pair of a token and its expert, by expert, then by token: the token. */
  tokens: Int32Array;
  /** … and the expert. */
  experts: Int32Array;
  /** [N][topK] which pairs are a token's, in the order of the experts. */
  pairs: number[][];
  /** Pairs for each expert, of all E. */
  counts: Int32Array;
  /** How many tokens each rank sends to each expert of this rank: [rank][own expert]. */
  coming: Int32Array[];
}

/** @param chosen [N,E], not 0 where a token takes an expert; tokens may take any number, none is dropped */
export async function planRoutes(
  comm: Communicator | undefined,
  chosen: ArrayLike<number>,
  E: number,
): Promise<Routes> {
  const N = chosen.length / E;
  const { count } = ownExperts(E, comm);
  const tokens: number[] = [];
  const experts: number[] = [];
  const pairs: number[][] = Array.from({ length: N }, () => []);
  const counts = new Int32Array(E);
  for (let e = 0; e < E; e++) {
    for (let n = 0; n < N; n++) {
      if (!chosen[n * E + e]) continue;
      pairs[n]!.push(tokens.length);
      tokens.push(n);
      experts.push(e);
      counts[e]!++;
    }
  }
  const going = Array.from({ length: E / count }, (_, rank) =>
    counts.slice(rank * count, (rank + 1) * count),
  );
  return {
    tokens: Int32Array.from(tokens),
    experts: Int32Array.from(experts),
    pairs,
    counts,
    coming: comm && comm.size > 1 ? await comm.allToAll(going) : going,
  };
}
