import { describe, expect, it } from 'vitest';
import { halfBits, halfValue } from '../../../src/compute/half/binary16.js';
import {
  CommunicationError,
  type Communicator,
  type Counts,
  type Numbers,
  type OperationKind,
  ranks,
} from '../../../src/parallel/communicator/index.js';

const sizes = [1, 2, 3, 4, 5, 8];
const lengths = [0, 1, 3, 8, 17];

/** Whole numbers, whose sums are exact in any order. */
const mine = (rank: number, length: number) =>
  Float32Array.from({ length }, (_, i) => ((rank + 1) * 7919 + i * 31) % 101);

const sumOf = (size: number, length: number) =>
  Float32Array.from({ length }, (_, i) =>
    Array.from({ length: size }, (_, rank) => mine(rank, length)[i]!).reduce((a, b) => a + b, 0),
  );

const cases = sizes.flatMap((size) => lengths.map((length) => [size, length] as const));

describe.each(cases)('%i ranks, %i numbers', (size, length) => {
  it('allReduce is the sum, the mean, the maximum', async () => {
    const sum = sumOf(size, length);
    const results = await ranks(size, async (comm) => {
      const data = mine(comm.rank, length);
      const total = await comm.allReduce(data);
      expect(total).toBe(data);
      const mean = await comm.allReduce(mine(comm.rank, length), { reduction: 'mean' });
      const max = await comm.allReduce(mine(comm.rank, length), { reduction: 'max' });
      return { total, mean, max };
    });
    for (const { total, mean, max } of results) {
      expect(total).toEqual(sum);
      expect(mean).toEqual(sum.map((value) => value / size));
      expect(max).toEqual(
        sum.map((_, i) => Math.max(...Array.from({ length: size }, (_, rank) => mine(rank, length)[i]!))),
      );
    }
  });

  it('broadcast and reduce work from and to any root', async () => {
    for (let root = 0; root < size; root++) {
      const results = await ranks(size, async (comm) => {
        const sent = await comm.broadcast(mine(comm.rank, length), root);
        const reduced = await comm.reduce(mine(comm.rank, length), root);
        return { sent, reduced };
      });
      for (const [rank, { sent, reduced }] of results.entries()) {
        expect(sent).toEqual(mine(root, length));
        expect(reduced).toEqual(rank === root ? sumOf(size, length) : mine(rank, length));
      }
    }
  });

  it('reduceScatter gives each its part, and allGather all of them to all', async () => {
    const whole = length * size;
    const sum = sumOf(size, whole);
    const results = await ranks(size, async (comm) => {
      const data = mine(comm.rank, whole);
      const part = await comm.reduceScatter(data);
      expect(data).toEqual(mine(comm.rank, whole));
      return { part, all: await comm.allGather(part) };
    });
    for (const [rank, { part, all }] of results.entries()) {
      expect(part).toEqual(sum.slice(rank * length, (rank + 1) * length));
      expect(all).toEqual(sum);
    }
  });

  it('allToAll carries parts of any length', async () => {
    const piece = (from: number, to: number) =>
      Int32Array.from({ length: (from * 3 + to + length) % 5 }, (_, i) => from * 100 + to * 10 + i);
    const results = await ranks(size, (comm) =>
      comm.allToAll(Array.from({ length: size }, (_, to) => piece(comm.rank, to))),
    );
    for (const [rank, parts] of results.entries())
      expect(parts).toEqual(Array.from({ length: size }, (_, from) => piece(from, rank)));
  });

  it('sends as many bytes as the formulas say', async () => {
    const S = length * size * 4;
    const counts = await ranks(size, async (comm) => {
      await comm.allReduce(new Float32Array(length * size));
      await comm.reduceScatter(new Float32Array(length * size));
      await comm.allGather(new Float32Array(length));
      await comm.allToAll(Array.from({ length: size }, () => new Float32Array(length)));
      await comm.broadcast(new Float32Array(length * size));
      await comm.reduce(new Float32Array(length * size));
      await comm.barrier();
      const of = (kind: OperationKind): Counts => comm.traffic.of(kind);
      return Object.fromEntries(
        (
          ['allReduce', 'reduceScatter', 'allGather', 'allToAll', 'broadcast', 'reduce', 'barrier'] as const
        ).map((kind) => [kind, of(kind)]),
      );
    });
    const once = ((size - 1) * S) / size;
    const total = (kind: string) => counts.reduce((sum, own) => sum + own[kind]!.bytes, 0);
    for (const own of counts) {
      expect(own.allReduce).toEqual({ calls: 1, messages: 2 * (size - 1), bytes: 2 * once });
      for (const kind of ['reduceScatter', 'allGather', 'allToAll'])
        expect(own[kind]).toEqual({ calls: 1, messages: size - 1, bytes: once });
      expect(own.barrier).toEqual({ calls: 1, messages: Math.ceil(Math.log2(size)), bytes: 0 });
    }
    // A tree: everybody but the root gets the data, or gives it, once.
    expect(total('broadcast')).toBe((size - 1) * S);
    expect(total('reduce')).toBe((size - 1) * S);
    expect(counts[0]!.broadcast!.messages).toBe(Math.ceil(Math.log2(size)));
  });
});

describe('numbers of every kind', () => {
  it('int32 is summed exactly, and its mean refused', async () => {
    const results = await ranks(3, (comm) => comm.allReduce(Int32Array.of(2 ** 30, comm.rank - 1)));
    expect(results[0]).toEqual(Int32Array.of((2 ** 30 * 3) | 0, 0));
    await expect(
      ranks(2, (comm) => comm.allReduce(new Int32Array(1), { reduction: 'mean' })),
    ).rejects.toThrow('rank 0 failed: TypeError: allReduce of world: a mean of int32 would be rounded');
  });

  it('halves are summed as halves, two in each int32', async () => {
    const pack = (low: number, high: number) => (halfBits(high) << 16) | halfBits(low);
    const unpack = (bits: number) => [halfValue(bits & 0xffff), halfValue(bits >>> 16)];
    const values = [
      [1.5, -2],
      [2048, 0.25],
      [1, 65504],
    ];
    const run = (reduction: 'sum' | 'mean' | 'max') =>
      ranks(3, (comm) => {
        const [low, high] = values[comm.rank]!;
        return comm.allReduce(Int32Array.of(pack(low!, high!)), { reduction, half: true });
      });
    const [sum] = await run('sum');
    // 2048 + 1.5 is no half: it is rounded to the even neighbour at the first or at the second addition.
    expect([2050, 2052]).toContain(unpack(sum![0]!)[0]);
    expect(unpack(sum![0]!)[1]).toBe(65504);
    expect(unpack((await run('max'))[1]![0]!)).toEqual([2048, 65504]);
    const [mean] = await run('mean');
    expect(Math.abs(unpack(mean![0]!)[1]! - 65504 / 3)).toBeLessThanOrEqual(16);
    await expect(ranks(2, (comm) => comm.allReduce(new Float32Array(1), { half: true }))).rejects.toThrow(
      'half numbers are packed in an Int32Array',
    );
  });

  it('NaN and infinities reach everybody', async () => {
    const values = [
      [Number.NaN, 1, Number.POSITIVE_INFINITY],
      [0, 2, Number.NEGATIVE_INFINITY],
      [1, Number.NaN, 0],
    ];
    const of = (reduction: 'sum' | 'max') =>
      ranks(3, (comm) => comm.allReduce(Float32Array.from(values[comm.rank]!), { reduction }));
    for (const sum of await of('sum')) expect([...sum]).toEqual([Number.NaN, Number.NaN, Number.NaN]);
    for (const max of await of('max'))
      expect([...max]).toEqual([Number.NaN, Number.NaN, Number.POSITIVE_INFINITY]);
  });

  it('the sums are the same bits on all ranks, and in every run', async () => {
    const run = () =>
      ranks(5, (comm) =>
        comm.allReduce(Float32Array.from({ length: 999 }, (_, i) => Math.sin(i * 7 + comm.rank))),
      );
    const [first, ...others] = [...(await run()), ...(await run())];
    for (const other of others) expect(other).toEqual(first);
  });
});

describe('messages', () => {
  it('keep their order, and wait for whom they are for', async () => {
    const [, received] = await ranks(2, async (comm) => {
      if (comm.rank === 0) {
        for (let n = 0; n < 5; n++) await comm.send(Int32Array.of(n), 1);
        await comm.send(Float32Array.of(0.5), 1, 7);
        return [];
      }
      const tagged = await comm.receive(0, 7);
      const others: Numbers[] = [];
      for (let n = 0; n < 5; n++) others.push(await comm.receive(0));
      return [tagged, ...others];
    });
    expect(received).toEqual([Float32Array.of(0.5), ...[0, 1, 2, 3, 4].map((n) => Int32Array.of(n))]);
  });

  it('are copies', async () => {
    const [, received] = await ranks(2, async (comm) => {
      if (comm.rank === 1) return comm.receive(0);
      const data = Float32Array.of(1);
      await comm.send(data, 1);
      data[0] = 2;
      return data;
    });
    expect(received).toEqual(Float32Array.of(1));
  });

  it('may be under way in any number, beside collectives', async () => {
    const results = await ranks(4, async (comm) => {
      const sums = Array.from({ length: 6 }, (_, n) => comm.start.allReduce(Float32Array.of(n + comm.rank)));
      const left = comm.start.receive((comm.rank + 3) % 4);
      await comm.send(Int32Array.of(comm.rank), (comm.rank + 1) % 4);
      const totals: number[] = [];
      for (const sum of sums.reverse()) totals.push((await sum.wait())[0]!);
      return [...totals, (await left.wait())[0]];
    });
    for (const [rank, result] of results.entries())
      expect(result).toEqual([26, 22, 18, 14, 10, 6, (rank + 3) % 4]);
  });
});

describe('split', () => {
  it('makes groups by colour, in which ranks count anew', async () => {
    const results = await ranks(6, async (comm) => {
      const pair = await comm.split(comm.rank % 2, 'pair');
      const row = await comm.split(Math.floor(comm.rank / 2), 'row');
      const inPair = await pair.allReduce(Float32Array.of(comm.rank));
      const inRow = await row.allGather(Int32Array.of(comm.rank));
      return [pair.name, pair.rank, pair.size, inPair[0], [...inRow]];
    });
    expect(results[3]).toEqual(['world/pair 1', 1, 3, 9, [2, 3]]);
    expect(results[4]).toEqual(['world/pair 0', 2, 3, 6, [4, 5]]);
  });

  it('counts into the same traffic', async () => {
    const [bytes] = await ranks(4, async (comm) => {
      const half = await comm.split(comm.rank % 2);
      comm.traffic.reset();
      await half.allReduce(new Float32Array(10));
      return comm.traffic.of('allReduce').bytes;
    });
    expect(bytes).toBe(40);
  });
});

describe('a trace', () => {
  it('has an event for each operation, with its bytes', async () => {
    const events = await ranks(
      2,
      async (comm) => {
        await comm.barrier();
        await comm.allReduce(new Float32Array(8));
        return comm.traffic.events;
      },
      { trace: true },
    );
    for (const [rank, own] of events.entries()) {
      expect(own).toMatchObject([
        { rank, communicator: 'world', kind: 'barrier', bytes: 0 },
        { rank, communicator: 'world', kind: 'allReduce', bytes: 32 },
      ]);
      for (const { start, end } of own) expect(end).toBeGreaterThanOrEqual(start);
    }
  });
});

describe('what goes wrong', () => {
  const fails = async (size: number, program: (comm: Communicator) => Promise<unknown>): Promise<Error> => {
    const error = await ranks(size, program).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(CommunicationError);
    return error as Error;
  };

  it('a rank that throws ends all, and its error is the cause', async () => {
    const ended: number[] = [];
    const error = await fails(3, async (comm) => {
      try {
        await comm.barrier();
        if (comm.rank === 1) throw new TypeError('no such layer');
        await comm.allReduce(new Float32Array(4));
      } finally {
        ended.push(comm.rank);
      }
    });
    expect(error.message).toBe('rank 1 failed: TypeError: no such layer');
    expect(error.cause).toBeInstanceOf(TypeError);
    expect(ended.sort()).toEqual([0, 1, 2]);
  });

  it.each<[string, (comm: Communicator) => Promise<unknown>, string]>([
    [
      'another collective',
      (comm) => (comm.rank === 2 ? comm.allGather(new Float32Array(2)) : comm.allReduce(new Float32Array(4))),
      'the ranks of world disagree on call 1: rank 0 called allReduce(float32[4], sum), rank 2 called allGather(float32[2])',
    ],
    [
      'another length',
      (comm) => comm.allReduce(new Float32Array(comm.rank + 4)),
      'rank 0 called allReduce(float32[4], sum), rank 1 called allReduce(float32[5], sum)',
    ],
    [
      'another type',
      (comm) => comm.broadcast(comm.rank === 1 ? new Int32Array(2) : new Float32Array(2)),
      'rank 0 called broadcast(float32[2], root 0), rank 1 called broadcast(int32[2], root 0)',
    ],
    [
      'another root',
      (comm) => comm.reduce(new Float32Array(2), comm.rank === 1 ? 1 : 0),
      'root 0), rank 1 called reduce(float32[2], sum, root 1)',
    ],
    [
      'another reduction',
      (comm) => comm.allReduce(new Float32Array(2), { reduction: comm.rank === 0 ? 'mean' : 'sum' }),
      'rank 0 called allReduce(float32[2], mean), rank 1 called allReduce(float32[2], sum)',
    ],
    [
      'a collective that one rank skips',
      async (comm) => {
        if (comm.rank !== 1) await comm.allReduce(new Float32Array(4));
        await comm.barrier();
      },
      'the ranks of world disagree on call 1: rank 0 called allReduce(float32[4], sum), rank 1 called barrier()',
    ],
    [
      'a collective that one rank skips at the end',
      async (comm) => {
        await comm.barrier();
        if (comm.rank !== 2) await comm.allReduce(new Float32Array(4));
      },
      'nobody can go on: rank 0 waits in allReduce(float32[4], sum), call 2 of world, for rank 2; rank 1 waits in allReduce(float32[4], sum), call 2 of world, for rank 0; rank 2 has ended',
    ],
    [
      'messages that everybody waits for',
      (comm) => comm.receive((comm.rank + 1) % 3, 5),
      'nobody can go on: rank 0 waits in receive(from 1, tag 5) of world; rank 1 waits in receive(from 2, tag 5) of world',
    ],
  ])('%s is told, with who called what', async (_, program, message) => {
    expect((await fails(3, program)).message).toContain(message);
  });

  it('a rank that computes for long is waited for', async () => {
    const results = await ranks(2, async (comm) => {
      if (comm.rank === 1) await new Promise((done) => setTimeout(done, 50));
      return comm.allReduce(Float32Array.of(1));
    });
    expect(results).toEqual([Float32Array.of(2), Float32Array.of(2)]);
  });

  it.each<[string, (comm: Communicator) => Promise<unknown>, string]>([
    ['a rank that is none', (comm) => comm.send(new Float32Array(1), 2), 'there is no rank 2, only 0 to 1'],
    ['a root that is none', (comm) => comm.broadcast(new Float32Array(1), -1), 'there is no rank -1'],
    ['a length that does not divide', (comm) => comm.reduceScatter(new Float32Array(5)), 'pad them to 6'],
    ['too few parts', (comm) => comm.allToAll([new Float32Array(1)]), '1 parts for 2 ranks'],
    ['a colour that is none', (comm) => comm.split(0.5), 'the colour must be a whole number from 0, got 0.5'],
  ])('%s is refused', async (_, program, message) => {
    expect((await fails(2, program)).message).toContain(message);
  });

  it.each([0, -1, 1.5, Number.NaN])('%d ranks are refused', async (size) => {
    await expect(ranks(size, async () => {})).rejects.toThrow(RangeError);
  });
});
