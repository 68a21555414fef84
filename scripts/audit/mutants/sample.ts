/** Which of the possible mutants are tried: as many of each kind as of any other, drawn by a seed that is printed. */
import { createHash } from 'node:crypto';
import type { Mutation } from '../cells/cell.js';
import { seeded, shuffled } from './edit.js';

/**
 * All mutations in the order in which they are tried; the first `most` that a kernel accepts count. The controls of
 * `refute` come first and do not count.
 * @param place what tells this cell from others: the same cell gets the same draw whatever stands around it
 */
export function drawn(mutations: readonly Mutation[], seed: number, place: string): Mutation[] {
  const hash = createHash('sha256').update(place).digest().readUInt32LE();
  const random = seeded((seed ^ hash) >>> 0);
  random(); // the first draws of neighbouring seeds are alike
  const isControl = ({ kind }: Mutation) => kind === 'right for wrong';
  const others = mutations.filter((one) => !isControl(one));
  const kinds = shuffled([...new Set(others.map(({ kind }) => kind))], random);
  const lists = kinds.map((kind) =>
    shuffled(
      others.filter((one) => one.kind === kind),
      random,
    ),
  );
  const order: Mutation[] = [];
  for (let round = 0; lists.some((list) => round < list.length); round++)
    for (const list of lists) if (round < list.length) order.push(list[round]!);
  return [...mutations.filter(isControl), ...order];
}
