/** Rows of C numbers from the order of the pairs on their own ranks to the order of the experts on theirs, and back. */
import type { Communicator } from '../communicator/index.js';
import type { Routes } from './routes.js';

/** @param rows one for each pair, in their order @returns this rank's experts' rows: by expert, then by the rank they came from */
export async function toExperts(
  comm: Communicator | undefined,
  routes: Routes,
  rows: Float32Array,
  C: number,
): Promise<Float32Array> {
  const received = await exchange(comm, partsByRank(routes, rows, C));
  const sorted = new Float32Array(received.reduce((sum, { length }) => sum + length, 0));
  eachSegment(routes, (rank, from, to, count) =>
    sorted.set(received[rank]!.subarray(from * C, (from + count) * C), to * C),
  );
  return sorted;
}

/** The way back: what `toExperts` gave, or something of its shape -> one row for each pair of this rank. */
export async function fromExperts(
  comm: Communicator | undefined,
  routes: Routes,
  sorted: Float32Array,
  C: number,
): Promise<Float32Array> {
  const parts = routes.coming.map((counts) => new Float32Array(total(counts) * C));
  eachSegment(routes, (rank, from, to, count) =>
    parts[rank]!.set(sorted.subarray(to * C, (to + count) * C), from * C),
  );
  const received = await exchange(comm, parts);
  const rows = new Float32Array(received.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of received) {
    rows.set(part, at);
    at += part.length;
  }
  return rows;
}

/** Pairs are sorted by expert, experts lie on ranks in order: each rank's rows are one piece. */
function partsByRank({ counts, coming }: Routes, rows: Float32Array, C: number): Float32Array[] {
  const each = counts.length / coming.length;
  let at = 0;
  return coming.map((_, rank) => {
    const begin = at;
    at += total(counts.subarray(rank * each, (rank + 1) * each)) * C;
    return rows.slice(begin, at);
  });
}

/** Calls for each own expert and rank with where its rows are in the rank's message and in the sorted rows. */
function eachSegment(
  { coming }: Routes,
  visit: (rank: number, from: number, to: number, count: number) => void,
): void {
  const from = coming.map(() => 0);
  let to = 0;
  for (let expert = 0; expert < coming[0]!.length; expert++) {
    for (const [rank, counts] of coming.entries()) {
      const count = counts[expert]!;
      visit(rank, from[rank]!, to, count);
      from[rank]! += count;
      to += count;
    }
  }
}

async function exchange(comm: Communicator | undefined, parts: Float32Array[]): Promise<Float32Array[]> {
  return comm && comm.size > 1 ? comm.allToAll(parts) : parts;
}

const total = (counts: Int32Array) => counts.reduce((sum, count) => sum + count, 0);
