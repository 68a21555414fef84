/** Slices of matrices, words and heads against the whole, and the mistakes that the comparison catches. */
import { beforeAll, describe, expect, it } from 'vitest';
import { useBackend } from '../../../src/compute/backend.js';
import { type NdArray, ndarray } from '../../../src/compute/ndarray.js';
import { seededNormal } from '../../../src/compute/random.js';
import { tf } from '../../../src/compute/tf.js';
import { linear } from '../../../src/layers/linear/linear.js';
import { type Communicator, ranks } from '../../../src/parallel/communicator/index.js';
import {
  columnLinear,
  copyTo,
  dropout,
  dropoutSeed,
  enterRegion,
  gatherOutput,
  headsOf,
  joinShards,
  leaveRegion,
  parallelCrossEntropy,
  parallelEmbedding,
  reduceFrom,
  rowLinear,
  scatterInput,
  shardOf,
  withRows,
} from '../../../src/parallel/tensor-parallel/index.js';
import { crossEntropy } from '../../../src/training/loss/cross-entropy.js';
import { boundFor, byTfjs, type Differentiated, difference, onTape } from '../differentiate.js';

const [B, T, C, F] = [2, 4, 8, 12] as const;
const x = seededNormal([B, T, C], 1);
const [w1, b1] = [seededNormal([F, C], 2, 0.3), seededNormal([F], 3)];
const [w2, b2] = [seededNormal([C, F], 4, 0.3), seededNormal([C], 5)];
const dOut = seededNormal([B, T, C], 6);
const bound = boundFor(C + F + B * T);

beforeAll(() => useBackend('cpu'));

const dense = () =>
  byTfjs([x, w1, b1, w2, b2], dOut, (a, w, b, v, c) => linear(tf.tanh(linear(a!, w!, b!)), v!, c!));

/** tanh(x W1ᵀ + b1) W2ᵀ + b2 by a column-parallel and a row-parallel layer, whole again; parts may be replaced by wrong ones. */
async function twoLayers(
  comm: Communicator,
  wrong: Partial<Record<'enter' | 'biasEverywhere' | 'order', boolean>> = {},
): Promise<Differentiated> {
  const { rank, size } = comm;
  const place = wrong.order ? size - 1 - rank : rank;
  const slices = [
    x,
    shardOf(w1, 0, place, size),
    shardOf(b1, 0, place, size),
    shardOf(w2, 1, rank, size),
    b2,
  ];
  const { out, gradients } = await onTape(slices, dOut, async (tape, a, w, b, v, c) => {
    const entered = wrong.enter ? a! : await enterRegion(tape, a!, { comm });
    const hidden = tape.local('tanh', (h) => tf.tanh(h!), columnLinear(tape, entered, w!, b));
    if (wrong.biasEverywhere) return leaveRegion(tape, columnLinear(tape, hidden, v!, c), { comm });
    return rowLinear(tape, { comm }, hidden, v!, c);
  });
  const [dx, dw1, db1, dw2, db2] = gradients as [NdArray, NdArray, NdArray, NdArray, NdArray];
  const whole = async (part: NdArray, axis: number) => {
    const all = await comm.allGather(Float32Array.from(part.data));
    const each = part.data.length;
    const parts = Array.from({ length: size }, (_, r) =>
      ndarray(part.shape, all.subarray(r * each, (r + 1) * each)),
    );
    return joinShards(parts, axis);
  };
  return { out, gradients: [dx, await whole(dw1, 0), await whole(db1, 0), await whole(dw2, 1), db2] };
}

const names = ['x', 'w1', 'b1', 'w2', 'b2'];
const wrongOnes = (actual: Differentiated, expected: Differentiated) =>
  ['out', ...names].filter((_, n) => {
    const of = (one: Differentiated) => (n === 0 ? one.out : one.gradients[n - 1]!);
    return !(difference(of(actual), of(expected)) <= bound);
  });

describe.each([1, 2, 4])('two linear layers on %i ranks', (size) => {
  it('are one layer after the other: result and all gradients', async () => {
    const expected = await dense();
    for (const found of await ranks(size, (comm) => twoLayers(comm)))
      expect(wrongOnes(found, expected)).toEqual([]);
  });
});

describe('what is caught', () => {
  it.each([
    ['no all-reduce in the backward pass of operator f', { enter: true }, ['x']],
    ['a bias added on every rank', { biasEverywhere: true }, ['out']],
    ['shards in another order', { order: true }, ['out', 'x', 'w1', 'b1', 'w2']],
  ])('%s', async (_name, wrong, caught) => {
    const expected = await dense();
    for (const found of await ranks(2, (comm) => twoLayers(comm, wrong)))
      expect(wrongOnes(found, expected)).toEqual(caught);
  });
});

describe('the last axis', () => {
  it('is gathered after a column-parallel layer: all-gather forward, nothing backward', async () => {
    const dHidden = seededNormal([B, T, F], 7);
    const expected = await byTfjs([x, w1], dHidden, (a, w) => linear(a!, w!));
    await ranks(2, async (comm) => {
      const slice = shardOf(w1, 0, comm.rank, 2);
      const found = await onTape([x, slice], dHidden, async (tape, a, w) => {
        const entered = await tape.apply(copyTo(comm), a!);
        return tape.apply(gatherOutput(comm), columnLinear(tape, entered, w!));
      });
      expect(difference(found.out, expected.out)).toBeLessThanOrEqual(bound);
      expect(difference(found.gradients[0]!, expected.gradients[0]!)).toBeLessThanOrEqual(bound);
      expect(comm.traffic.of('allGather').bytes).toBe((4 * (B * T * F)) / 2);
    });
  });

  it('is cut before a row-parallel layer: nothing forward, all-gather backward', async () => {
    const expected = await byTfjs([x, w1], seededNormal([B, T, F], 7), (a, w) => linear(a!, w!));
    await ranks(2, async (comm) => {
      const slice = shardOf(w1, 1, comm.rank, 2);
      const found = await onTape([x, slice], seededNormal([B, T, F], 7), async (tape, a, w) => {
        const part = columnLinear(tape, await tape.apply(scatterInput(comm), a!), w!);
        return tape.apply(reduceFrom(comm), part);
      });
      expect(difference(found.out, expected.out)).toBeLessThanOrEqual(bound);
      expect(difference(found.gradients[0]!, expected.gradients[0]!)).toBeLessThanOrEqual(bound);
      expect(comm.traffic.of('allGather').bytes).toBe((4 * (B * T * C)) / 2);
    });
  });

  it('that does not divide is refused with what would', async () => {
    const odd = seededNormal([1, 1, 7], 1);
    await expect(
      ranks(2, (comm) => onTape([odd], odd, (tape, a) => tape.apply(scatterInput(comm), a!))),
    ).rejects.toThrow('axis 2 of shape [1,1,7] does not divide over the 2 ranks of world; 6 or 8 would');
  });
});

describe.each([
  [2, 10],
  [4, 10],
  [4, 5],
])('words over %i ranks, %i of them', (size, V) => {
  const ids = Int32Array.from({ length: B * T }, (_, n) => (n * 3) % V);
  const rowsPerRank = Math.ceil(V / size) * size;

  it('the embedding is that of one table', async () => {
    const table = seededNormal([V, C], 1);
    const expected = await byTfjs([table], dOut, (rows) =>
      tf.gather(rows!, tf.tensor2d(ids, [B, T], 'int32')),
    );
    const found = await ranks(size, (comm) =>
      onTape([shardOf(withRows(table, rowsPerRank), 0, comm.rank, size)], dOut, (tape, rows) =>
        parallelEmbedding(tape, { comm }, rows!, ids, [B, T]),
      ),
    );
    for (const { out } of found) expect(out).toEqual(expected.out);
    const gradient = joinShards(
      found.map(({ gradients }) => gradients[0]!),
      0,
    );
    expect(withRows(gradient, V)).toEqual(expected.gradients[0]);
  });

  it('cross-entropy sends three numbers per token and no logits', async () => {
    const logits = seededNormal([B, T, V], 8, 3);
    const dLosses = seededNormal([B * T], 9);
    const expected = await byTfjs([logits], dLosses, (all) =>
      tf.reshape(crossEntropy(all!, tf.tensor2d(ids, [B, T], 'int32'), { reduction: 'none' }), [B * T]),
    );
    const columns = ndarray([B, T, rowsPerRank]);
    // What stands in places of no word must not matter.
    columns.data.fill(100);
    for (let n = 0; n < B * T; n++)
      columns.data.set(logits.data.subarray(n * V, (n + 1) * V), n * rowsPerRank);
    const found = await ranks(size, async (comm) => {
      const part = shardOf(columns, 2, comm.rank, size);
      const result = await onTape([part], dLosses, (tape, own) =>
        tape.apply(parallelCrossEntropy(ids, { V, comm }), own!),
      );
      const { calls, bytes } = comm.traffic.of('allReduce');
      expect({ calls, bytes }).toEqual({ calls: 2, bytes: (2 * (size - 1) * 4 * 3 * B * T) / size });
      expect(comm.traffic.of().calls).toBe(2);
      return result;
    });
    for (const { out } of found) expect(difference(out, expected.out)).toBeLessThanOrEqual(boundFor(V));
    const gradient = joinShards(
      found.map(({ gradients }) => gradients[0]!),
      2,
    );
    for (let n = 0; n < B * T; n++)
      for (let v = 0; v < rowsPerRank; v++) {
        const right = v < V ? expected.gradients[0]!.data[n * V + v]! : 0;
        expect(Math.abs(gradient.data[n * rowsPerRank + v]! - right)).toBeLessThanOrEqual(boundFor(V));
      }
  });
});

describe('dropout', () => {
  const ones = ndarray([2, 3, 8], new Float64Array(48).fill(1));
  const masks = (seedOf: (comm: Communicator) => number) =>
    ranks(2, async (comm) => {
      const { out, gradients } = await onTape([ones], ones, (tape, a) =>
        dropout(tape, a!, 0.5, seedOf(comm)),
      );
      expect(gradients[0]).toEqual(out);
      return [...out.data];
    });

  it('drops the same places of what all ranks have, and others of their slices', async () => {
    const [copy, same] = await masks((comm) => dropoutSeed(11, { comm }, 'replicated'));
    expect(copy).toEqual(same);
    const [slice, other] = await masks((comm) => dropoutSeed(11, { comm }, 'split'));
    expect(slice).not.toEqual(other);
    expect(new Set(copy)).toEqual(new Set([0, 2]));
  });

  it('with an equal seed on slices is caught: the masks are one mask', async () => {
    const [slice, other] = await masks(() => 11);
    expect(slice).toEqual(other);
  });

  it('with other seeds on copies is caught: they drift apart', async () => {
    const [copy, other] = await masks((comm) => dropoutSeed(11, { comm }, 'split'));
    expect(copy).not.toEqual(other);
  });

  it('refuses a rate that is none', async () => {
    await expect(
      masks(() => 1).then(() => onTape([ones], ones, (tape, a) => dropout(tape, a!, 1, 1))),
    ).rejects.toThrow('the rate must be in [0, 1), got 1');
  });
});

describe('what does not divide', () => {
  it('is refused with the sizes that do', () => {
    expect(() => headsOf({ H: 6, K: 2 }, 0, 4)).toThrow(
      '6 query heads and 2 key/value heads do not divide over 4 ranks; nearest: 2 or 6',
    );
    expect(() => shardOf(seededNormal([7, 3], 1), 0, 0, 2)).toThrow(
      'axis 0 of a weight [7,3] does not divide into 2 shards; 6 or 8',
    );
  });

  it('a target that is no word is refused', () => {
    expect(() => parallelCrossEntropy(Int32Array.of(1, -100), { V: 5 })).toThrow(
      'there is no word -100; targets are 0 to 4',
    );
  });

  it('key/value heads are held by neighbours where there are fewer of them than ranks', () => {
    const shares = [0, 1, 2, 3].map((rank) => headsOf({ H: 8, K: 2 }, rank, 4));
    expect(shares.map(({ kvPart }) => kvPart)).toEqual([0, 0, 1, 1]);
    expect(shares[0]).toMatchObject({ H: 2, K: 1, kvParts: 2 });
  });
});
