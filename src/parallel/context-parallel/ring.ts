/** What goes around in ring attention: blocks of keys and values, and behind them their gradients. */
import type { Communicator } from '../communicator/index.js';

const tags = { block: 0, gradient: 1 };

const neighbours = ({ rank, size }: Communicator) => ({
  next: (rank + 1) % size,
  before: (rank - 1 + size) % size,
});

/** The blocks of the other ranks, the nearest before this one first; while one is worked on, the following one is on its way. */
export async function* blocksAround(
  comm: Communicator,
  own: Float32Array,
): AsyncGenerator<{ owner: number; block: Float32Array }> {
  const { rank, size } = comm;
  const { next, before } = neighbours(comm);
  const pass = async (block: Float32Array) => {
    const coming = comm.start.receive(before, tags.block);
    await comm.send(block, next, tags.block);
    return coming;
  };
  if (size === 1) return;
  let coming = await pass(own);
  for (let step = 1; step < size; step++) {
    const block = (await coming.wait()) as Float32Array;
    if (step < size - 1) coming = await pass(block);
    yield { owner: (rank - step + size) % size, block };
  }
}

/** Sums that follow their blocks from the rank after the owner to the owner, with a contribution of each rank on the way. */
export class Travellers {
  #steps = 0;

  constructor(private readonly comm: Communicator) {}

  /** @param contribution to the block that is here now */
  async pass(contribution: Float32Array): Promise<void> {
    const { next, before } = neighbours(this.comm);
    if (this.#steps++ > 0) add(contribution, await this.comm.receive(before, tags.gradient));
    await this.comm.send(contribution, next, tags.gradient);
  }

  /** @returns the sum of this rank's own block */
  async home(own: Float32Array): Promise<Float32Array> {
    if (this.#steps > 0) add(own, await this.comm.receive(neighbours(this.comm).before, tags.gradient));
    return own;
  }
}

function add(into: Float32Array, other: ArrayLike<number>): void {
  for (let n = 0; n < into.length; n++) into[n]! += other[n]!;
}
