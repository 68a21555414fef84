/** A few numbers of each rank: counts of tokens, losses, squared norms. */
import type { Communicator } from '../communicator/index.js';

/**
 * What every rank gave, by rank. A number travels as the sum of two float32, which carry whole numbers up to 2^48 exactly and others to
 * 48 bits, so that what is made of them is the same on every engine and, in the order of the ranks, what one rank alone would add up.
 */
export async function numbersOfRanks(comm: Communicator, own: readonly number[]): Promise<number[][]> {
  const pairs = own.flatMap((value) => {
    const high = Math.fround(value);
    return [high, Number.isFinite(high) ? value - high : 0];
  });
  const all = await comm.allGather(Float32Array.from(pairs));
  return Array.from({ length: comm.size }, (_, rank) =>
    own.map((_, n) => {
      const at = 2 * (rank * own.length + n);
      return all[at]! + all[at + 1]!;
    }),
  );
}

/** The sum of one number over the ranks, in their order. */
export async function sumOverRanks(comm: Communicator, own: number): Promise<number> {
  return (await numbersOfRanks(comm, [own])).reduce((sum, [value]) => sum + value!, 0);
}
