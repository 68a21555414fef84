/** What the ring and tree algorithms send, without running them: for engines whose library sends by itself and does not tell. */
import { partBounds } from './algorithms/ring.js';

export interface Sends {
  messages: number;
  bytes: number;
}

/** Of one rank. @param length numbers of four bytes: the whole of what is reduced or gathered */
export function ringSends(
  kind: 'reduceScatter' | 'allGather' | 'allReduce',
  rank: number,
  size: number,
  length: number,
): Sends {
  const bounds = partBounds(length, size);
  const part = (n: number) => bounds[(n % size) + 1]! - bounds[n % size]!;
  const [reduced, gathered] = [length - part(rank), length - part(rank + 1)];
  const numbers = { reduceScatter: reduced, allGather: gathered, allReduce: reduced + gathered }[kind];
  return { messages: (size - 1) * (kind === 'allReduce' ? 2 : 1), bytes: 4 * numbers };
}

/** How many of the others a rank sends to in a binomial tree from the root. */
export function treeBroadcastMessages(rank: number, size: number, root: number): number {
  const own = (rank - root + size) % size;
  let messages = 0;
  for (let reach = 1; reach < size; reach *= 2) if (own < reach && own + reach < size) messages++;
  return messages;
}

export function barrierMessages(size: number): number {
  return Math.ceil(Math.log2(size));
}
