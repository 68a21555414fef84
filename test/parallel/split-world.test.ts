/** Which ranks are a group. */
import { describe, expect, it } from 'vitest';
import { ranks } from '../../src/parallel/communicator/index.js';
import { splitWorld, type WorldSizes } from '../../src/parallel/split-world.js';

const groups = (size: number, sizes: WorldSizes) =>
  ranks(size, async (comm) => {
    const found: Record<string, number[]> = {};
    for (const [name, group] of Object.entries(await splitWorld(comm, sizes)))
      found[name] = [...(await group.allGather(Int32Array.of(comm.rank)))];
    return found;
  });

describe('a world of ranks', () => {
  it('is divided with tensor ranks next to each other and stages farthest apart', async () => {
    const all = await groups(16, { tensor: 2, context: 2, pipeline: 2 });
    expect(all[0]).toEqual({
      tensor: [0, 1],
      context: [0, 2],
      expert: [0],
      data: [0, 4],
      pipeline: [0, 8],
    });
    expect(all[13]).toEqual({
      tensor: [12, 13],
      context: [13, 15],
      expert: [13],
      data: [9, 13],
      pipeline: [5, 13],
    });
  });

  it('keeps the ranks that share experts within those that see other sequences', async () => {
    const all = await groups(8, { tensor: 2, expert: 2 });
    expect(all[5]).toEqual({ tensor: [4, 5], context: [5], expert: [5, 7], data: [1, 5], pipeline: [5] });
  });

  it.each([
    [
      6,
      { tensor: 4 },
      'tensor × context × expert × pipeline = 4 × 1 × 1 × 1 = 4 does not divide a world of 6 ranks; 4 or 8',
    ],
    [2, { tensor: 4 }, '= 4 does not divide a world of 2 ranks; 4 ranks would fit'],
    [4, { tensor: 2, data: 3 }, '= 2 × 1 × 1 × 3 × 1 = 6 ranks, and the world has 4; start 6'],
    [2, { tensor: 0 }, 'tensor is 0; it must be a whole number from 1'],
  ])('of %i ranks refuses %j', async (size, sizes, message) => {
    await expect(groups(size, sizes)).rejects.toThrow(message);
  });
});
