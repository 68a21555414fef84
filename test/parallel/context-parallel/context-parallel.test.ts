/** Attention on parts of a sequence against attention on all of it. */
import { beforeAll, describe, expect, it } from 'vitest';
import { useBackend } from '../../../src/compute/backend.js';
import { type NdArray, ndarray } from '../../../src/compute/ndarray.js';
import { seededNormal } from '../../../src/compute/random.js';
import { tf } from '../../../src/compute/tf.js';
import { attention } from '../../../src/layers/attention/attention.js';
import { ranks } from '../../../src/parallel/communicator/index.js';
import {
  contextAttention,
  contextPositions,
  contiguousPositions,
  ringAttention,
  zigzagPositions,
} from '../../../src/parallel/context-parallel/index.js';
import { localAttention } from '../../../src/parallel/tensor-parallel/index.js';
import { boundFor, byTfjs, type Differentiated, difference, onTape } from '../differentiate.js';

const [B, H, T, D] = [2, 4, 16, 4] as const;

beforeAll(() => useBackend('cpu'));

const inputsFor = (K: number) => [
  seededNormal([B, H, T, D], 1),
  seededNormal([B, K, T, D], 2),
  seededNormal([B, K, T, D], 3),
];
const dOut = seededNormal([B, H, T, D], 4);

/** The tokens at these positions: [B,heads,T,D] -> [B,heads,n,D]. */
function pick(x: NdArray, positions: readonly number[]): NdArray {
  const heads = x.shape[1]!;
  const some = ndarray([B, heads, positions.length, D]);
  for (let row = 0; row < B * heads; row++)
    for (const [n, position] of positions.entries())
      some.data.set(
        x.data.subarray((row * T + position) * D, (row * T + position + 1) * D),
        (row * positions.length + n) * D,
      );
  return some;
}

const whole = (K: number, causal: boolean, window?: number) =>
  byTfjs(inputsFor(K), dOut, (q, k, v) =>
    attention(q!, k!, v!, { causal, ...(window === undefined ? {} : { window }) }),
  );

/** Largest difference of the result and of the gradients from those of all tokens. */
function worst(found: Differentiated, expected: Differentiated, positions: readonly number[]): number {
  const pairs = [[found.out, expected.out], ...found.gradients.map((g, n) => [g, expected.gradients[n]!])];
  return Math.max(...pairs.map(([own, all]) => difference(own!, pick(all!, positions))));
}

// Relative to the largest number of a part, which may be smaller than that of the whole by this factor.
const bound = 8 * boundFor(T + D);

describe.each([1, 2, 4])('on %i ranks', (size) => {
  describe.each([1, 2, 4])('%i key/value heads', (K) => {
    it.each(['ring', 'ulysses'] as const)('%s is causal attention', async (form) => {
      const expected = await whole(K, true);
      const before = tf.memory().numTensors;
      const found = await ranks(size, async (comm) => {
        const positions = contextPositions(form, T, comm);
        const own = inputsFor(K).map((one) => pick(one, positions));
        const result = await onTape(own, pick(dOut, positions), (tape, q, k, v) =>
          contextAttention(form, comm)(tape, q!, k!, v!),
        );
        return worst(result, expected, positions);
      });
      expect(tf.memory().numTensors).toBe(before);
      for (const one of found) expect(one).toBeLessThanOrEqual(bound);
    });

    it('the ring without the causal rule lets all see all, in any order', async () => {
      const expected = await whole(K, false);
      const found = await ranks(size, async (comm) => {
        const positions = contiguousPositions(T, comm.rank, size);
        const own = inputsFor(K).map((one) => pick(one, positions));
        const ring = ringAttention(comm, { causal: false });
        const result = await onTape(own, pick(dOut, positions), (tape, q, k, v) =>
          tape.apply(ring, q!, k!, v!),
        );
        return worst(result, expected, positions);
      });
      for (const one of found) expect(one).toBeLessThanOrEqual(bound);
    });
  });

  it('the ring sends keys and values n − 1 times, and twice that backward', async () => {
    if (size === 1) return;
    await ranks(size, async (comm) => {
      const positions = contextPositions('ring', T, comm);
      const own = inputsFor(2).map((one) => pick(one, positions));
      await onTape(own, pick(dOut, positions), (tape, q, k, v) =>
        tape.apply(ringAttention(comm), q!, k!, v!),
      );
      const keysAndValues = 2 * 4 * B * 2 * (T / size) * D;
      expect(comm.traffic.of('send')).toMatchObject({
        messages: 3 * (size - 1),
        bytes: 3 * (size - 1) * keysAndValues,
      });
    });
  });

  it('Ulysses sends four all-to-alls each way, of (n − 1)/n of what a rank has', async () => {
    if (size === 1) return;
    await ranks(size, async (comm) => {
      const positions = contextPositions('ulysses', T, comm);
      const own = inputsFor(4).map((one) => pick(one, positions));
      await onTape(own, pick(dOut, positions), (tape, q, k, v) =>
        contextAttention('ulysses', comm)(tape, q!, k!, v!),
      );
      const local = 4 * 4 * B * H * (T / size) * D;
      expect(comm.traffic.of('allToAll')).toMatchObject({ calls: 8, bytes: (2 * (size - 1) * local) / size });
    });
  });
});

describe('what is caught', () => {
  it('tokens that were not reordered', async () => {
    const expected = await whole(2, true);
    const found = await ranks(2, async (comm) => {
      const positions = contiguousPositions(T, comm.rank, 2);
      const own = inputsFor(2).map((one) => pick(one, positions));
      const result = await onTape(own, pick(dOut, positions), (tape, q, k, v) =>
        tape.apply(ringAttention(comm), q!, k!, v!),
      );
      return worst(result, expected, positions);
    });
    for (const one of found) expect(one).toBeGreaterThan(0.1);
  });

  it('attention to a rank’s own tokens only', async () => {
    const expected = await whole(2, true);
    const found = await ranks(2, async (comm) => {
      const positions = contextPositions('ring', T, comm);
      const own = inputsFor(2).map((one) => pick(one, positions));
      const result = await onTape(own, pick(dOut, positions), (tape, q, k, v) =>
        localAttention({ causal: true })(tape, q!, k!, v!),
      );
      return worst(result, expected, positions);
    });
    for (const one of found) expect(one).toBeGreaterThan(0.1);
  });
});

describe('the order', () => {
  it('gives every rank as many pairs to compute', () => {
    const orders = [0, 1, 2, 3].map((rank) => zigzagPositions(16, rank, 4));
    expect(orders[1]).toEqual([2, 3, 12, 13]);
    const pairs = orders.map((positions) => positions.reduce((sum, position) => sum + position + 1, 0));
    expect(new Set(pairs).size).toBe(1);
    expect(orders.flat().sort((a, b) => a - b)).toEqual([...Array(16).keys()]);
  });

  it('that does not divide is refused', () => {
    expect(() => zigzagPositions(10, 0, 2)).toThrow(
      'cuts the sequence into 4 chunks, which 10 tokens do not divide into; 8 or 12',
    );
    expect(() => contiguousPositions(10, 0, 4)).toThrow('10 tokens do not divide into; 8 or 12');
  });

  it('a window on the ring is refused, heads that Ulysses cannot divide too', async () => {
    await expect(ranks(2, async (comm) => contextAttention('ring', comm, { window: 3 }))).rejects.toThrow(
      "choose the form 'ulysses'",
    );
    const three = [3, 3, 3].map((heads, n) => seededNormal([B, heads, T, D], n));
    await expect(
      ranks(2, (comm) =>
        onTape(three, three[0]!, (tape, q, k, v) => contextAttention('ulysses', comm)(tape, q!, k!, v!)),
      ),
    ).rejects.toThrow('3 query heads and 3 key/value heads do not divide over 2 ranks; nearest: 1 or 3');
  });
});
