/** Every rank with every other: what an all-to-all is, and how a barrier gets by without data. */
import type { Channel } from '../channel.js';
import type { Numbers } from '../communicator.js';

/** In n − 1 steps; in step k to the rank k further and from the rank k before, so that nobody gets two at a time. */
export async function pairwiseAllToAll(channel: Channel, parts: readonly Numbers[]): Promise<Numbers[]> {
  const { rank, size } = channel;
  const received: Numbers[] = [];
  received[rank] = parts[rank]!.slice();
  for (let step = 1; step < size; step++) {
    const [to, from] = [(rank + step) % size, (rank - step + size) % size];
    channel.send(to, parts[to]!);
    received[from] = await channel.receive(from);
  }
  return received;
}

/** The dissemination barrier (Hensgen, Finkel and Manber 1988): after k steps a rank knows of 2^k others that they came. */
export async function disseminationBarrier(channel: Channel): Promise<void> {
  const { rank, size } = channel;
  const nothing = new Int32Array(0);
  for (let distance = 1; distance < size; distance *= 2) {
    channel.send((rank + distance) % size, nothing);
    await channel.receive((rank - distance + size) % size);
  }
}
