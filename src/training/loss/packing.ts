/**
 * Packing: short sequences share rows instead of being padded to the longest each (Krell et al. 2021, arXiv:2107.02027). What makes it
 * the same training as without is told by `cuSeqLens`: targets, attention and positions end at every sequence's end.
 */
import { packedPositions } from './visibility.js';

export interface PackedRow {
  /** [T]: the sequences behind one another, then padding. */
  ids: number[];
  /** Where each begins, and the end of the last. */
  cuSeqLens: number[];
  /** [T]: restarted in every sequence. */
  positions: number[];
  /** Which of the given sequences, in the order of the row. */
  sequences: number[];
}

export interface PackOptions {
  /** T, tokens of a row. */
  length: number;
  /** Fills a row behind its last sequence. Default 0. */
  padToken?: number;
}

/**
 * The longest first, each into the row with the least space that still holds it (best fit decreasing).
 * @throws RangeError naming a sequence that is longer than a row.
 */
export function packSequences(sequences: readonly (readonly number[])[], options: PackOptions): PackedRow[] {
  const { length: T, padToken = 0 } = options;
  const rows: { members: number[]; space: number }[] = [];
  const order = sequences.map((_, n) => n).sort((a, b) => sequences[b]!.length - sequences[a]!.length);
  for (const n of order) {
    const needed = sequences[n]!.length;
    if (needed > T) {
      throw new RangeError(
        `packSequences: sequence ${n} has ${needed} tokens, a row ${T}; cut it, or take longer rows`,
      );
    }
    let best: (typeof rows)[number] | undefined;
    for (const row of rows) {
      if (row.space >= needed && !(best && best.space <= row.space)) best = row;
    }
    if (!best) {
      best = { members: [], space: T };
      rows.push(best);
    }
    best.members.push(n);
    best.space -= needed;
  }
  return rows.map(({ members, space }) => {
    const cuSeqLens = [0];
    for (const n of members) cuSeqLens.push(cuSeqLens.at(-1)! + sequences[n]!.length);
    return {
      ids: [...members.flatMap((n) => sequences[n]!), ...new Array<number>(space).fill(padToken)],
      cuSeqLens,
      positions: packedPositions(cuSeqLens, T),
      sequences: members,
    };
  });
}
