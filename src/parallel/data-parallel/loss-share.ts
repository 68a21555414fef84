/** What each micro-batch counts for in the loss of the whole batch. */
import type { Communicator } from '../communicator/index.js';
import { numbersOfRanks } from './numbers-of-ranks.js';

/**
 * @param tokens of each micro-batch of this rank; 1 each where all count alike
 * @returns their sum over all ranks
 * @throws RangeError when a rank has no micro-batch, nobody has a token, or, where `equalCounts`, their numbers differ
 */
export async function totalTokens(
  comm: Communicator,
  tokens: readonly number[],
  equalCounts = false,
): Promise<number> {
  const ofRanks = await numbersOfRanks(comm, [tokens.reduce((sum, n) => sum + n, 0), tokens.length]);
  const counts = ofRanks.map(([, count]) => count!);
  const without = counts.indexOf(0);
  if (without >= 0) throw new RangeError(`rank ${without} has no micro-batch; every rank needs one`);
  const other = counts.findIndex((count) => count !== counts[0]);
  if (equalCounts && other > 0)
    throw new RangeError(
      `rank 0 has ${counts[0]} micro-batches, rank ${other} has ${counts[other]}; sharded gradients and parameters need as many on all ranks`,
    );
  const total = ofRanks.reduce((sum, [value]) => sum + value!, 0);
  if (!(total > 0)) throw new RangeError(`there is no token in the batch of any of the ${comm.size} ranks`);
  return total;
}
