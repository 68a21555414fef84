/**
 * Parameters that stages on several ranks share, as an embedding that is the head too: each rank has a copy, which begins the same and gets the
 * sum of the gradients, or the copies part (Shoeybi et al. 2019, arXiv:1909.08053, Megatron's embedding group).
 */
import { read } from '../../../compute/read.js';
import { tf } from '../../../compute/tf.js';
import type { Communicator } from '../../communicator/index.js';
import { textsOfRanks } from '../../texts-of-ranks.js';

export interface TiedGroup {
  /** The ranks that hold them. */
  readonly comm: Communicator;
  readonly ranks: readonly number[];
  readonly names: readonly string[];
}

/** Finds what ranks share by name; all ranks must call it. Gives the copies the values of the first rank. */
export async function tiedGroups(
  comm: Communicator,
  parameters: ReadonlyMap<string, tf.Variable>,
): Promise<TiedGroup[]> {
  const holders = new Map<string, number[]>();
  const lists = await textsOfRanks(comm, JSON.stringify([...parameters.keys()]));
  for (const [rank, list] of lists.entries())
    for (const name of JSON.parse(list) as string[]) holders.set(name, [...(holders.get(name) ?? []), rank]);
  const shared = new Map<string, { ranks: number[]; names: string[] }>();
  for (const [name, ranks] of holders) {
    if (ranks.length === 1) continue;
    const group = shared.get(ranks.join()) ?? { ranks, names: [] };
    shared.set(ranks.join(), group);
    group.names.push(name);
  }
  const groups: TiedGroup[] = [];
  for (const { ranks, names } of shared.values()) {
    const isMember = ranks.includes(comm.rank);
    const part = await comm.split(isMember ? 1 : 0, 'tied');
    if (!isMember) continue;
    groups.push({ comm: part, ranks, names });
    for (const name of names) {
      const variable = parameters.get(name)!;
      const value = tf.tensor(await part.broadcast((await read(variable)).slice()), variable.shape);
      variable.assign(value);
      value.dispose();
    }
  }
  return groups;
}

/** The gradients of what is shared become the sums over their ranks, in one all-reduce per group. */
export async function reduceTied(
  groups: readonly TiedGroup[],
  gradients: Map<string, tf.Tensor>,
): Promise<void> {
  for (const { comm, names } of groups) {
    const own = names.map((name) => gradients.get(name)!);
    const flat = new Float32Array(own.reduce((sum, { size }) => sum + size, 0));
    let at = 0;
    for (const gradient of own) {
      flat.set(await read(gradient), at);
      at += gradient.size;
    }
    await comm.allReduce(flat);
    at = 0;
    for (const [n, name] of names.entries()) {
      const { shape, size } = own[n]!;
      gradients.set(name, tf.tensor(flat.slice(at, at + size), shape));
      own[n]!.dispose();
      at += size;
    }
  }
}
