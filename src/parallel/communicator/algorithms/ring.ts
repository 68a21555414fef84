/**
 * The ring: every rank sends to the next and hears from the one before, so that each link carries the same at the same time.
 * Of S bytes on n ranks, a reduce-scatter and an all-gather send (n − 1)/n S per rank, and an all-reduce is one after the other
 * (Patarasuk and Yuan 2009, doi:10.1016/j.jpdc.2008.09.002).
 */
import type { Combine } from '../arithmetic.js';
import type { Channel } from '../channel.js';
import type { Numbers } from '../communicator.js';

/** Where part r of n begins: the first parts are one longer where the length does not divide. */
export function partBounds(length: number, parts: number): number[] {
  const [each, more] = [Math.floor(length / parts), length % parts];
  return Array.from({ length: parts + 1 }, (_, part) => part * each + Math.min(part, more));
}

/** Leaves in part `rank` of `data` the sum over all ranks; the other parts are left half-way. */
export async function ringReduceScatter(
  channel: Channel,
  data: Numbers,
  bounds: readonly number[],
  combine: Combine,
): Promise<void> {
  const { rank, size } = channel;
  const part = (n: number) => data.subarray(bounds[mod(n, size)], bounds[mod(n, size) + 1]);
  for (let step = 0; step < size - 1; step++) {
    // Part p starts at rank p + 1 and gathers one summand per step, until it arrives, whole, at rank p.
    channel.send(mod(rank + 1, size), part(rank - 1 - step));
    combine(part(rank - 2 - step), await channel.receive(mod(rank - 1, size)));
  }
}

/** From part `rank` of `data` on each rank to all parts on all ranks. */
export async function ringAllGather(
  channel: Channel,
  data: Numbers,
  bounds: readonly number[],
): Promise<void> {
  const { rank, size } = channel;
  const place = (n: number) => bounds[mod(n, size)]!;
  for (let step = 0; step < size - 1; step++) {
    const sent = mod(rank - step, size);
    channel.send(mod(rank + 1, size), data.subarray(bounds[sent], bounds[sent + 1]));
    data.set(await channel.receive(mod(rank - 1, size)), place(rank - step - 1));
  }
}

/** 2 (n − 1)/n S per rank, in 2 (n − 1) steps. */
export async function ringAllReduce(channel: Channel, data: Numbers, combine: Combine): Promise<void> {
  const bounds = partBounds(data.length, channel.size);
  await ringReduceScatter(channel, data, bounds, combine);
  await ringAllGather(channel, data, bounds);
}

const mod = (n: number, size: number): number => ((n % size) + size) % size;
