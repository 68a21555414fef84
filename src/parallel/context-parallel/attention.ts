/** Attention on a sequence of which each rank holds a part, in one of two forms. */
import type { Communicator } from '../communicator/index.js';
import { type AttentionCore, localAttention } from '../tensor-parallel/index.js';
import { contiguousPositions, zigzagPositions } from './order.js';
import { ringAttention } from './ring-attention.js';
import { headSlices, headsToSequence, sequenceToHeads } from './ulysses.js';

export type ContextForm = 'ring' | 'ulysses';

/** The positions of this rank's tokens, in the order in which it holds them. @throws RangeError when T does not divide */
export function contextPositions(form: ContextForm, T: number, comm: Communicator | undefined): number[] {
  const { rank, size } = comm ?? { rank: 0, size: 1 };
  if (size === 1) return contiguousPositions(T, 0, 1);
  return (form === 'ring' ? zigzagPositions : contiguousPositions)(T, rank, size);
}

/**
 * Causal attention on tokens in `contextPositions`.
 * @throws RangeError when a window is asked of the ring, or heads do not divide over the ranks of Ulysses
 */
export function contextAttention(
  form: ContextForm,
  comm: Communicator | undefined,
  { window }: { window?: number | undefined } = {},
): AttentionCore {
  const rule = { causal: true, ...(window === undefined ? {} : { window }) };
  if (!comm || comm.size === 1) return localAttention(rule);
  if (form === 'ulysses')
    return async (tape, q, k, v) => {
      const { queries, keys } = headSlices(comm, q.shape[1]!, k.shape[1]!);
      const some = [
        await tape.apply(sequenceToHeads(comm, queries), q),
        await tape.apply(sequenceToHeads(comm, keys), k),
        await tape.apply(sequenceToHeads(comm, keys), v),
      ] as const;
      return tape.apply(headsToSequence(comm, queries), await localAttention(rule)(tape, ...some));
    };
  if (window !== undefined)
    throw new RangeError(
      `ring attention has no window (${window} tokens): a window reaches few ranks; choose the form 'ulysses'`,
    );
  return (tape, q, k, v) => tape.apply(ringAttention(comm), q, k, v);
}
