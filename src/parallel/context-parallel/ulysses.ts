/**
 * Ulysses (Jacobs et al. 2023, arXiv:2309.14509): from a part of the sequence with all heads to all of the sequence with some heads, by
 * an all-to-all, and back after attention. Tokens lie in `contiguousPositions`.
 */
import { tf } from '../../compute/tf.js';
import type { Communicator } from '../communicator/index.js';
import type { Operator } from '../tape/index.js';
import { numbersOf } from '../tensor-collectives.js';
import { headsOf } from '../tensor-parallel/index.js';

interface Slice {
  begin: number;
  count: number;
}

/** x [B,heads,T/n,D] -> [B,own heads,T,D]; rank r takes `slices[r]` of the heads, which others may take too. */
export function sequenceToHeads(comm: Communicator, slices: readonly Slice[]): Operator {
  return {
    name: 'sequenceToHeads',
    forward: async ([x]) => [await toHeads(comm, x!, slices)],
    backward: async ([x], [gradient]) => [await toSequence(comm, gradient!, slices, x!.shape[1]!)],
  };
}

/** x [B,own heads,T,D] -> [B,heads,T/n,D]. */
export function headsToSequence(comm: Communicator, slices: readonly Slice[]): Operator {
  const heads = slices.at(-1)!.begin + slices.at(-1)!.count;
  return {
    name: 'headsToSequence',
    forward: async ([x]) => [await toSequence(comm, x!, slices, heads)],
    backward: async (_inputs, [gradient]) => [await toHeads(comm, gradient!, slices)],
  };
}

/**
 * Which heads the ranks take: H/n query heads each; K/n key/value heads, or the one they need where K < n.
 * @throws RangeError when heads do not divide over the ranks
 */
export function headSlices(comm: Communicator, H: number, K: number): { queries: Slice[]; keys: Slice[] } {
  const shares = Array.from({ length: comm.size }, (_, rank) => headsOf({ H, K }, rank, comm.size));
  return {
    queries: shares.map((share, rank) => ({ begin: rank * share.H, count: share.H })),
    keys: shares.map((share) => ({ begin: share.kvPart * share.K, count: share.K })),
  };
}

async function toHeads(comm: Communicator, x: tf.Tensor, slices: readonly Slice[]): Promise<tf.Tensor> {
  const [B, , T, D] = x.shape as [number, number, number, number];
  const parts = slices.map(({ begin, count }) => tf.slice(x, [0, begin, 0, 0], [B, count, T, D]));
  const received = await exchange(comm, parts);
  const shape = [B, slices[comm.rank]!.count, T, D];
  return tf.tidy(() =>
    tf.concat(
      received.map((part) => tf.tensor(part, shape)),
      2,
    ),
  );
}

/** Where several ranks have had the same heads, what they send is added. */
async function toSequence(
  comm: Communicator,
  x: tf.Tensor,
  slices: readonly Slice[],
  heads: number,
): Promise<tf.Tensor> {
  const [B, , whole, D] = x.shape as [number, number, number, number];
  const T = whole / comm.size;
  const received = await exchange(comm, tf.split(x, comm.size, 2));
  return tf.tidy(() => {
    const found = slices.map(({ begin, count }, rank) => ({
      begin,
      count,
      part: tf.tensor(received[rank]!, [B, count, T, D]),
    }));
    const distinct = [...new Set(found.map(({ begin }) => begin))];
    const sums = distinct.map((begin) =>
      tf.addN(found.filter((one) => one.begin === begin).map(({ part }) => part)),
    );
    const joined = tf.concat(sums, 1);
    return tf.reshape(joined, [B, heads, T, D]);
  });
}

async function exchange(comm: Communicator, parts: tf.Tensor[]): Promise<Float32Array[]> {
  try {
    return await comm.allToAll(await Promise.all(parts.map(numbersOf)));
  } finally {
    tf.dispose(parts);
  }
}
