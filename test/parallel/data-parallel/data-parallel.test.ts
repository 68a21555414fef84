/** Data parallelism equals one rank with the whole batch: loss, every gradient, the norm, and what a step makes of them. */
import { describe, expect, it } from 'vitest';
import { tf } from '../../../src/compute/tf.js';
import { ranks } from '../../../src/parallel/communicator/index.js';
import { bucketsOf, DataParallel, globalNorm } from '../../../src/parallel/data-parallel/index.js';
import { adamW } from '../../../src/training/optimizer/index.js';
import { eachEngine } from '../engines.js';

type Gradients = Record<string, Float32Array>;
interface Found {
  loss: number;
  gradientNorm: number;
  gradients: Gradients;
}
interface Comparison {
  found: Found;
  reference: Found;
  ofRanks: Gradients[];
  inRingOrder: Gradients;
  traffic: { calls: number; bytes: number };
}
interface Result {
  /** MPI has algorithms of its own. */
  addsByRing: boolean;
  mean: Comparison;
  accumulated: Comparison;
  ragged: Comparison;
  tfjs: { loss: number; gradients: Gradients };
  steps: { found: Found; reference: Found }[];
  trained: { found: Gradients; reference: Gradients };
  overlap: { started: Record<string, number>; all: number };
  wrong: {
    right: Gradients;
    norm: number;
    withoutDivision: Gradients;
    syncOnFirst: Gradients;
    movingAverage: Gradients;
    meanOfMeans: Gradients;
    normCountedTwice: number;
    withoutBroadcast: { loss: number; apart: number };
  };
  leaked: number;
}

/** Half the distance from 1 to the next float32. */
const unit = 2 ** -24;

/**
 * Two orders of a sum of n numbers differ by at most 2 (n − 1) u Σ|x|, to first order in u; twice that covers the rest, and the roundings of
 * the n/total that each summand carries.
 */
function expectSameSums(found: Gradients, reference: Gradients, summands: Gradients[]): void {
  const n = summands.length;
  for (const [name, values] of Object.entries(reference))
    for (const [i, value] of values.entries()) {
      const size = summands.reduce((sum, one) => sum + Math.abs(one[name]![i]!), 0) / n;
      expect(Math.abs(found[name]![i]! - value), `${name}[${i}]`).toBeLessThanOrEqual(4 * n * unit * size);
    }
}

const differs = (a: Gradients, b: Gradients) =>
  Math.max(
    ...Object.entries(a).map(([name, values]) =>
      Math.max(...values.map((v, i) => Math.abs(v - b[name]![i]!))),
    ),
  );

eachEngine((run) => {
  describe.each([2, 4])('%i ranks', (size) => {
    let results: Promise<Result[]> | undefined;
    // One start for all tests: under MPI it takes seconds.
    const all = () => {
      results ??= run(size, 'data-parallel') as Promise<Result[]>;
      return results;
    };

    it('gives the same bits on all ranks', async () => {
      const [first, ...others] = await all();
      for (const other of others) {
        for (const name of ['mean', 'accumulated', 'ragged'] as const)
          expect(other[name].found).toEqual(first![name].found);
        expect(other.trained.found).toEqual(first!.trained.found);
      }
    });

    it('gives the loss, gradients and norm of one rank with the whole batch', async () => {
      const { mean } = (await all())[0]!;
      expect(mean.found.loss).toBe(mean.reference.loss);
      expectSameSums(mean.found.gradients, mean.reference.gradients, mean.ofRanks);
      expect(mean.found.gradientNorm / mean.reference.gradientNorm).toBeCloseTo(1, 6);
      // Two numbers have one sum: with two ranks the bits are those of one.
      if (size === 2) expect(mean.found).toEqual(mean.reference);
    });

    it("gives tfjs's own gradients of the large batch", async () => {
      const { tfjs, mean } = (await all())[0]!;
      expect(mean.found.loss).toBeCloseTo(tfjs.loss, 6);
      // Its sums over a batch have another order than sums of batches: the bound of n u Σ|x| is not to be had from outside; ten times what is seen.
      expect(differs(tfjs.gradients, mean.found.gradients)).toBeLessThan(1e-6);
      expect(Object.keys(tfjs.gradients)).not.toContain('mlp.never');
    });

    it('adds in the order of the ring, where the ring is ours', async () => {
      const { mean, accumulated, addsByRing } = (await all())[0]!;
      for (const { found, inRingOrder, ofRanks } of [mean, accumulated]) {
        expectSameSums(found.gradients, inRingOrder, ofRanks);
        if (addsByRing) expect(found.gradients).toEqual(inRingOrder);
      }
    });

    it('accumulates micro-batches without reducing them: the mean over all, in one reduction', async () => {
      const { mean, accumulated } = (await all())[0]!;
      expect(accumulated.found.loss).toBeCloseTo(accumulated.reference.loss, 12);
      expectSameSums(accumulated.found.gradients, accumulated.reference.gradients, accumulated.ofRanks);
      expect(accumulated.traffic).toEqual(mean.traffic);
    });

    it('weighs ragged batches by their tokens', async () => {
      const { ragged } = (await all())[0]!;
      expect(ragged.found.loss).toBeCloseTo(ragged.reference.loss, 12);
      expectSameSums(ragged.found.gradients, ragged.reference.gradients, ragged.ofRanks);
    });

    it('gives zeros for a parameter nobody used, and counts a rank that did not use one', async () => {
      for (const { mean } of await all()) {
        expect(mean.found.gradients['mlp.never']).toEqual(new Float32Array(3));
        expect(mean.found.gradients['mlp.sometimes']!.every((value) => value !== 0)).toBe(true);
      }
    });

    it('sends 2 (n − 1)/n of the gradients per rank', async () => {
      const results = await all();
      const bytes =
        4 * Object.values(results[0]!.mean.found.gradients).reduce((sum, { length }) => sum + length, 0);
      const sent = results.reduce((sum, { mean }) => sum + mean.traffic.bytes, 0);
      expect(sent / size).toBe((2 * (size - 1) * bytes) / size);
    });

    it('starts buckets while the backward pass goes on', async () => {
      for (const { overlap } of await all()) {
        // Counted where the backward pass leaves a layer. The table is used first and last, and complete at the end.
        const { mlp, attention } = overlap.started;
        expect([mlp! < attention!, attention! < overlap.all]).toEqual([true, true]);
      }
    });

    it("trains from rank 0's parameters as one rank does", async () => {
      const { steps, trained } = (await all())[0]!;
      for (const { found, reference } of steps) expect(found.loss).toBeCloseTo(reference.loss, 5);
      expect(steps[2]!.found.gradientNorm).toBeGreaterThan(0.5);
      if (size === 2) expect(trained.found).toEqual(trained.reference);
      else expect(differs(trained.reference, trained.found)).toBeLessThan(1e-4);
    });

    it('leaves no tensor behind', async () => {
      for (const { leaked } of await all()) expect(leaked).toBe(0);
    });

    describe('its wrong variants differ:', () => {
      const wrong = async () => (await all())[0]!;

      it('the right one does not', async () => {
        const { wrong: variants, accumulated } = await wrong();
        expectSameSums(variants.right, accumulated.reference.gradients, accumulated.ofRanks);
      });

      it('without 1/n', async () => {
        const { wrong: variants, accumulated } = await wrong();
        const { right, withoutDivision } = variants;
        expect(() =>
          expectSameSums(withoutDivision, accumulated.reference.gradients, accumulated.ofRanks),
        ).toThrow();
        expect(withoutDivision.table![0]! / right.table![0]!).toBeCloseTo(size, 4);
      });

      it.each(['syncOnFirst', 'movingAverage'] as const)('%s', async (variant) => {
        const { wrong: variants, accumulated } = await wrong();
        expect(() =>
          expectSameSums(variants[variant], accumulated.reference.gradients, accumulated.ofRanks),
        ).toThrow();
      });

      it('a mean of means over ragged tokens', async () => {
        const { wrong: variants, ragged } = await wrong();
        const { gradients } = ragged.reference;
        expect(() => expectSameSums(variants.meanOfMeans, gradients, ragged.ofRanks)).toThrow();
      });

      it('no broadcast at the beginning', async () => {
        const { loss, apart } = (await wrong()).wrong.withoutBroadcast;
        expect(Math.abs(loss - (await wrong()).mean.found.loss)).toBeGreaterThan(0.01);
        expect(apart).toBeGreaterThan(0.01);
      });

      it('a norm that counts what all ranks have once for each', async () => {
        const { norm, normCountedTwice } = (await wrong()).wrong;
        expect(normCountedTwice / norm).toBeCloseTo(Math.sqrt(size), 5);
      });
    });
  });
});

describe('data parallelism that cannot be', () => {
  const layerOf = (name: string, size: number) => ({
    name,
    parameters: new Map([[name, tf.variable(tf.zeros([size]))]]),
    forward: async () => {
      throw new Error('not called');
    },
  });
  const options = { rule: adamW() };

  it('names the rank whose model is another one', async () => {
    const run = ranks(3, (comm) =>
      DataParallel.replicate([layerOf('w', comm.rank === 1 ? 3 : 2)], comm, options),
    );
    await expect(run).rejects.toThrow(/model of rank 1 has other parameters than that of rank 0/);
  });

  it('names a rank without a micro-batch', async () => {
    const run = ranks(2, async (comm) => {
      const replica = await DataParallel.replicate([layerOf('w', 2)], comm, options);
      await replica.gradients(comm.rank === 1 ? [] : [1]);
    });
    await expect(run).rejects.toThrow('rank 1 has no micro-batch; every rank needs one');
  });

  it('says when nobody has a token', async () => {
    const run = ranks(2, async (comm) => {
      const replica = await DataParallel.replicate([layerOf('w', 2)], comm, { ...options, tokens: () => 0 });
      await replica.gradients([1]);
    });
    await expect(run).rejects.toThrow('no token in the batch of any of the 2 ranks');
  });

  it('refuses buckets without room', () => {
    expect(() => bucketsOf([], { bucketBytes: 0 })).toThrow(
      'bucketBytes must be a positive number of bytes, got 0',
    );
  });
});

it('fills buckets in reverse order of use, the first one smaller', () => {
  const names = (limits: object) =>
    bucketsOf(
      ['a', 'b', 'c', 'd', 'e'].map((name) => ({ name, shape: name === 'b' ? [100] : [10] })),
      limits,
    ).map((bucket) => bucket.map(({ name }) => name).join(''));
  expect(names({})).toEqual(['edcba']);
  expect(names({ bucketBytes: 80, firstBucketBytes: 40 })).toEqual(['e', 'dc', 'b', 'a']);
});

describe('the norm over ranks that hold other parameters', () => {
  // Two tensor-parallel ranks: a weight of which each has a half, and a gain that both have.
  const squares = (rank: number) =>
    [
      ['weight', rank === 0 ? 9 : 16],
      ['gain', 11],
    ] as const;
  const normBy = (isSharded: (name: string) => boolean) =>
    ranks(2, (comm) => globalNorm(squares(comm.rank), { others: { comm, isSharded } }));

  it('counts shards together and copies once', async () => {
    expect(await normBy((name) => name === 'weight')).toEqual([6, 6]);
  });

  it('is wrong where copies count as shards', async () => {
    expect(await normBy(() => true)).toEqual([Math.sqrt(47), Math.sqrt(47)]);
  });

  it('adds the parts of ranks that share a parameter first', async () => {
    const norms = await ranks(2, (comm) => globalNorm(squares(comm.rank), { shards: comm }));
    expect(norms).toEqual([Math.sqrt(47), Math.sqrt(47)]);
  });
});
