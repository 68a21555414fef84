/**
 * The binomial tree: after k steps 2^k ranks have the data, so that few bytes reach all in ⌈log₂ n⌉ steps. Ranks are counted
 * from the root on.
 */
import type { Combine } from '../arithmetic.js';
import type { Channel } from '../channel.js';
import type { Numbers } from '../communicator.js';

export async function treeBroadcast(channel: Channel, data: Numbers, root: number): Promise<void> {
  const { rank, size } = channel;
  const own = (rank - root + size) % size;
  const at = (place: number) => (place + root) % size;
  let reach = 1;
  for (; reach < size; reach *= 2) {
    if (own >= reach && own < 2 * reach) data.set(await channel.receive(at(own - reach)));
    else if (own < reach && own + reach < size) channel.send(at(own + reach), data);
  }
}

/** Leaves the sum in `data` of the root; that of the others is left half-way. */
export async function treeReduce(
  channel: Channel,
  data: Numbers,
  root: number,
  combine: Combine,
): Promise<void> {
  const { rank, size } = channel;
  const own = (rank - root + size) % size;
  const at = (place: number) => (place + root) % size;
  for (let distance = 1; distance < size; distance *= 2) {
    if (own % (2 * distance) === distance) return channel.send(at(own - distance), data);
    if (own % (2 * distance) === 0 && own + distance < size)
      combine(data, await channel.receive(at(own + distance)));
  }
}
