/** An embedding of which each rank holds some words (Shoeybi et al. 2019, arXiv:1909.08053, section 3). */
import { tf } from '../../compute/tf.js';
import type { Tape, Value } from '../tape/index.js';
import { isSplit, leaveRegion, type TensorGroup } from './region.js';

/** Words per rank; a vocabulary that does not divide is filled up with rows of zeros, which no id names and no logit counts. */
export function wordsPerRank(V: number, ranks: number): number {
  return Math.ceil(V / ranks);
}

/**
 * Each rank looks up the words it has; the others' rows are 0, and the sum over the ranks is the embedding.
 * @param table [V/n,C] @param ids [B,T] @returns [B,T,C], or [B,T/n,C] under sequence parallelism
 */
export async function parallelEmbedding(
  tape: Tape,
  group: TensorGroup,
  table: Value,
  ids: Int32Array,
  [B, T]: readonly [number, number],
): Promise<Value> {
  const words = table.shape[0]!;
  const first = words * (group.comm?.rank ?? 0);
  const isOwn = Int32Array.from(ids, (id) => Number(id >= first && id < first + words));
  const places = ids.map((id, n) => (isOwn[n] ? id - first : 0));
  const part = tape.local(
    'embedding',
    (rows) => {
      const found = tf.gather(rows!, tf.tensor2d(places, [B, T], 'int32'));
      return isSplit(group) ? tf.mul(found, tf.tensor3d(isOwn, [B, T, 1], 'int32').toFloat()) : found;
    },
    table,
  );
  return leaveRegion(tape, part, group);
}
