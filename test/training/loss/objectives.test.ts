/** What objectives make of a text: BERT's masks, T5's spans, prefixes, packed rows. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ndarray } from '../../../src/compute/ndarray.js';
import { seededNormal, seededUniform } from '../../../src/compute/random.js';
import { fromNdArray, read, toNdArray } from '../../../src/compute/read.js';
import { tf } from '../../../src/compute/tf.js';
import { attention } from '../../../src/layers/attention/index.js';
import { rope } from '../../../src/layers/position/rope.js';
import { bertMask } from '../../../src/training/loss/bert-masking.js';
import { packSequences } from '../../../src/training/loss/packing.js';
import { corruptSpans } from '../../../src/training/loss/span-corruption.js';
import { documentMask, packedPositions, prefixLmMask } from '../../../src/training/loss/visibility.js';
import { eachBackend } from '../../compute/backends.js';
import { distance } from '../../support/numeric.js';

const tokensFrom = (start: number, n: number) => Array.from({ length: n }, (_, k) => start + k);

/** A generator that gives these numbers. */
function given(...numbers: number[]): () => number {
  return () => numbers.shift()!;
}

describe("BERT's masking", () => {
  it('chooses, then masks, replaces or keeps', () => {
    // Not chosen; masked; replaced by token 7; kept; the special token asks for no number.
    const random = given(0.15, 0.1, 0.79, 0.14, 0.8, 0.75, 0.0, 0.9);
    expect(bertMask([1, 2, 3, 4, 5], { maskToken: 99, vocabulary: 10, special: [5], random })).toEqual({
      ids: [1, 99, 7, 4, 5],
      labels: [-100, 2, 3, 4, -100],
      counts: { tokens: 5, chosen: 3, masked: 1, random: 1, kept: 1 },
    });
  });

  it('has the shares of the paper, the same for a seed, and other places for each text', () => {
    const tokens = tokensFrom(10, 20_000);
    const options = { maskToken: 5, vocabulary: 30_000, random: seededUniform(1) };
    const { ids, labels, counts } = bertMask(tokens, options);
    // Four standard deviations of a binomial share p of n.
    const near = (share: number, p: number, n: number) =>
      expect(Math.abs(share - p)).toBeLessThan(4 * Math.sqrt((p * (1 - p)) / n));
    near(counts.chosen / tokens.length, 0.15, tokens.length);
    near(counts.masked / counts.chosen, 0.8, counts.chosen);
    near(counts.random / counts.chosen, 0.1, counts.chosen);
    expect(counts.masked + counts.random + counts.kept).toBe(counts.chosen);
    expect(labels.filter((label) => label !== -100).length).toBe(counts.chosen);
    expect(ids.filter((id) => id === 5).length).toBeGreaterThanOrEqual(counts.masked);
    tokens.forEach((token, n) => {
      expect([token, -100]).toContain(labels[n]);
      if (labels[n] === -100) expect(ids[n]).toBe(token);
    });
    expect(bertMask(tokens, options).labels).not.toEqual(labels);
    expect(bertMask(tokens, { ...options, random: seededUniform(1) }).ids).toEqual(ids);
  });

  it('refuses shares and vocabularies that cannot be', () => {
    const options = { maskToken: 1, vocabulary: 4, random: seededUniform(1) };
    expect(() => bertMask([1], { ...options, rate: 1.5 })).toThrow(/rate must lie in \[0, 1\], got 1.5/);
    expect(() => bertMask([1], { ...options, randomShare: 0.3 })).toThrow(/got 0.8 and 0.3/);
    expect(() => bertMask([1], { ...options, vocabulary: 0 })).toThrow(/vocabulary must be .* got 0/);
  });
});

describe('span corruption', () => {
  it("loses T5's share in spans of three, from which the text can be put together again", () => {
    const tokens = tokensFrom(10, 100);
    const { inputs, targets, spans } = corruptSpans(tokens, { firstSentinel: 999, random: seededUniform(3) });
    expect(spans.length).toBe(5);
    expect(spans.reduce((sum, { length }) => sum + length, 0)).toBe(15);
    expect([inputs.length, targets.length]).toEqual([90, 20]);
    const restored = inputs.flatMap((id) => {
      const n = 999 - id;
      if (n >= spans.length) return [id];
      const start = targets.indexOf(id) + 1;
      return targets.slice(start, start + spans[n]!.length);
    });
    expect(restored).toEqual(tokens);
    for (const [n, { start, length }] of spans.entries()) {
      expect(length).toBeGreaterThan(0);
      expect(start).toBeGreaterThan(n === 0 ? 0 : spans[n - 1]!.start + spans[n - 1]!.length);
    }
    expect(spans.at(-1)!.start + spans.at(-1)!.length).toBe(100);
  });

  it('cuts all ways alike', () => {
    // Four tokens lost in two spans, of 1 and 3, 2 and 2, or 3 and 1.
    const random = seededUniform(5);
    const counts = [0, 0, 0, 0];
    for (let n = 0; n < 3000; n++) {
      const { spans } = corruptSpans(tokensFrom(0, 8), {
        firstSentinel: 99,
        rate: 0.5,
        meanLength: 2,
        random,
      });
      counts[spans[0]!.length]!++;
    }
    for (const count of counts.slice(1)) {
      expect(Math.abs(count - 1000)).toBeLessThan(4 * Math.sqrt((3000 * 2) / 9));
    }
  });

  it('ends both with a token where it is asked to, and takes the shortest texts', () => {
    const ends = { firstSentinel: 50, endToken: 1, random: seededUniform(1) };
    expect(corruptSpans([7, 8], ends)).toEqual({
      inputs: [7, 50, 1],
      targets: [50, 8, 1],
      spans: [{ start: 1, length: 1 }],
    });
    // Nearly all is lost, in no more spans than tokens are left.
    const most = corruptSpans([1, 2, 3, 4], { ...ends, rate: 0.9, meanLength: 1 });
    expect(most).toEqual({
      inputs: [1, 50, 1],
      targets: [50, 2, 3, 4, 1],
      spans: [{ start: 1, length: 3 }],
    });
    expect(() => corruptSpans([1], ends)).toThrow(/got 1 tokens/);
    expect(() => corruptSpans([1, 2], { ...ends, rate: 1 })).toThrow(/rate must lie in \(0, 1\), got 1/);
    expect(() => corruptSpans([1, 2], { ...ends, meanLength: 0.5 })).toThrow(
      /meanLength must be >= 1, got 0.5/,
    );
  });
});

describe('packing', () => {
  it('fills rows with what fits best, and says where sequences begin', () => {
    const sequences = [tokensFrom(10, 3), tokensFrom(20, 6), tokensFrom(30, 2), tokensFrom(40, 4), []];
    expect(packSequences(sequences, { length: 8, padToken: 9 })).toEqual([
      {
        ids: [...tokensFrom(20, 6), 30, 31],
        cuSeqLens: [0, 6, 8, 8],
        positions: [0, 1, 2, 3, 4, 5, 0, 1],
        sequences: [1, 2, 4],
      },
      {
        ids: [40, 41, 42, 43, 10, 11, 12, 9],
        cuSeqLens: [0, 4, 7],
        positions: [0, 1, 2, 3, 0, 1, 2, 0],
        sequences: [3, 0],
      },
    ]);
    expect(packSequences([], { length: 8 })).toEqual([]);
    // Of rows with as much space the first is filled, and of sequences as long the first is taken.
    const even = packSequences([[1, 1], [2, 2], [3], [4], [5]], { length: 3 });
    expect(even.map(({ ids }) => ids)).toEqual([
      [1, 1, 3],
      [2, 2, 4],
      [5, 0, 0],
    ]);
    expect(() => packSequences([[1], [1, 2, 3]], { length: 2 })).toThrow(/sequence 1 has 3 tokens, a row 2/);
  });

  it('has positions that begin anew', () => {
    expect(packedPositions([0, 2, 2, 5])).toEqual([0, 1, 0, 1, 2]);
    expect(packedPositions([0, 1], 3)).toEqual([0, 0, 0]);
    expect(packedPositions([0])).toEqual([]);
    expect(() => packedPositions([1, 2])).toThrow(/begin with 0 .* got \[1,2\]/);
    expect(() => packedPositions([0, 3, 2, 4])).toThrow(/never fall/);
    expect(() => packedPositions([0, 3], 2)).toThrow(/up to T = 2/);
    expect(() => documentMask([0, 1.5])).toThrow(/documentMask: cuSeqLens must be whole numbers/);
  });
});

eachBackend(() => {
  beforeEach(() => tf.engine().startScope());
  afterEach(() => tf.engine().endScope());

  it('a prefix is read as a whole, the rest from the left', async () => {
    expect(await read(prefixLmMask(3, 2))).toEqual(Int32Array.of(1, 1, 0, 1, 1, 0, 1, 1, 1));
    const rows = prefixLmMask(2, [0, 2]);
    expect([rows.shape, Array.from(await read(rows))]).toEqual([
      [2, 1, 2, 2],
      [1, 0, 1, 1, 1, 1, 1, 1],
    ]);
    expect(() => prefixLmMask(2, 3)).toThrow(/0 to T = 2 tokens, got 3/);
    const [q, k, v] = [1, 2, 3].map((seed) => fromNdArray(seededNormal([2, 2, 4, 8], seed)));
    const causal = await toNdArray(attention(q!, k!, v!, { causal: true }));
    expect(
      distance(await toNdArray(attention(q!, k!, v!, { mask: prefixLmMask(4, 0) })), causal),
    ).toBeLessThan(1e-6);
    const all = await toNdArray(attention(q!, k!, v!));
    expect(distance(await toNdArray(attention(q!, k!, v!, { mask: prefixLmMask(4, 4) })), all)).toBeLessThan(
      1e-6,
    );
  });

  it('sequences of a packed row attend as they do alone', async () => {
    const cuSeqLens = [0, 3, 5];
    expect(await read(documentMask([0, 1, 3], 4))).toEqual(
      Int32Array.of(1, 0, 0, 0, 0, 1, 1, 0, 0, 1, 1, 0, 0, 0, 0, 1),
    );
    const [q, k, v] = [1, 2, 3].map((seed) => seededNormal([1, 1, 5, 4], seed));
    const attend = (from: number, to: number, positions: number[], mask?: tf.Tensor) => {
      const part = (array: typeof q) =>
        fromNdArray(ndarray([1, 1, to - from, 4], array!.data.subarray(4 * from, 4 * to)));
      const places = tf.tensor1d(positions);
      return attention(rope(part(q), places), rope(part(k), places), part(v), { causal: true, mask });
    };
    const packed = await toNdArray(attend(0, 5, packedPositions(cuSeqLens), documentMask(cuSeqLens)));
    const alone = [await toNdArray(attend(0, 3, [0, 1, 2])), await toNdArray(attend(3, 5, [0, 1]))];
    const joined = ndarray([1, 1, 5, 4], [...alone[0]!.data, ...alone[1]!.data]);
    expect(distance(packed, joined)).toBeLessThan(1e-6);
  });
});
