/** One communicator for each way in which a world of ranks is divided. */
import type { Communicator } from './communicator/index.js';

export interface WorldSizes {
  /** Ranks that share every matrix; neighbours, since they talk most. Default 1. */
  tensor?: number;
  /** Ranks that share a sequence. Default 1. */
  context?: number;
  /** Ranks that share the experts, out of those that see other sequences. Default 1. */
  expert?: number;
  /** Replicas; with experts divided, replicas of all of them. Default: what is left of the world. */
  data?: number;
  /** Stages. Default 1. */
  pipeline?: number;
}

export type WorldGroups = Record<keyof WorldSizes, Communicator>;

/** From the fastest to the slowest: Megatron's order (Narayanan et al. 2021, arXiv:2104.04473, section 3), stages farthest apart. */
const order = ['tensor', 'context', 'expert', 'data', 'pipeline'] as const;

/**
 * The rank is a number with the digits pipeline, data, expert, context, tensor; a group is the ranks that differ in one digit. All ranks
 * must call it. The replicas that average gradients are `data`: the layers of a parallel model sum over the other groups.
 * @throws RangeError when a size is no whole number from 1, or their product is not the size of the world, with the nearest that fit
 */
export async function splitWorld(comm: Communicator, sizes: WorldSizes): Promise<WorldGroups> {
  const { tensor = 1, context = 1, expert = 1, pipeline = 1 } = sizes;
  const model = tensor * context * expert * pipeline;
  const all = { tensor, context, expert, pipeline, data: sizes.data ?? Math.floor(comm.size / model) };
  for (const name of order)
    if (!(Number.isInteger(all[name]) && (all[name] >= 1 || (name === 'data' && sizes.data === undefined))))
      throw new RangeError(`splitWorld: ${name} is ${all[name]}; it must be a whole number from 1`);
  if (model * all.data !== comm.size) throw new RangeError(misfit(comm.size, all, sizes.data !== undefined));
  const groups: Partial<WorldGroups> = {};
  let stride = 1;
  for (const name of order) {
    const size = all[name];
    const digit = Math.floor(comm.rank / stride) % size;
    groups[name] = await comm.split(comm.rank - digit * stride, name);
    stride *= size;
  }
  return groups as WorldGroups;
}

function misfit(world: number, all: Required<WorldSizes>, dataGiven: boolean): string {
  const shown = order.filter((name) => name !== 'data' || dataGiven);
  const product = shown.reduce((whole, name) => whole * all[name], 1);
  const text = `splitWorld: ${shown.join(' × ')} = ${shown.map((name) => all[name]).join(' × ')} = ${product}`;
  if (dataGiven) return `${text} ranks, and the world has ${world}; start ${product}`;
  const below = Math.floor(world / product) * product;
  const near = below > 0 ? `${below} or ${below + product}` : `${product}`;
  return `${text} does not divide a world of ${world} ranks; ${near} ranks would fit`;
}
