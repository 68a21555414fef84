/** ZeRO in all its forms equals AdamW on one rank with the whole batch; its bytes and its traffic equal the formulas. */
import { describe, expect, it } from 'vitest';
import { tf } from '../../../src/compute/tf.js';
import { ranks } from '../../../src/parallel/communicator/index.js';
import { flatLayout } from '../../../src/parallel/data-parallel/index.js';
import { piecesOfPart } from '../../../src/parallel/data-parallel/layout.js';
import { type ByteKind, rowsLayout, Zero, type ZeroOptions } from '../../../src/parallel/zero/index.js';
import { adamW, muon } from '../../../src/training/optimizer/index.js';
import { eachEngine, onAsyncRanks } from '../engines.js';

type Values = Record<string, Float32Array>;
interface Run {
  steps: { loss: number; gradientNorm: number }[];
  gradients: Values;
  parameters: Values;
  /** Before the last update. */
  bytes: Record<ByteKind, { live: number; peak: number }> & { modelStates: number };
  states: { parameters: number; optimizerStates: number };
  /** Of tensors, as tfjs counts them, per rank. */
  held: number;
  traffic: { inBackward: { allGather: number; reduceScatter: number }; inUpdate: number; other: number };
  geometry: {
    padded: number;
    count: number;
    units: { length: number; names: string[] }[];
    layers: number[];
  };
  reference: { steps: Run['steps']; gradients: Values; summands: Values[]; parameters: Values };
}
interface Result {
  addsByRing: boolean;
  forms: Record<string, Run>;
  clipped: Run;
  accumulated: Record<'1' | '2' | '3', Run>;
  overflow: { skipped: boolean; steps: number; before: Values; after: Values; gradients: number };
  localSlice: Record<'right' | 'local' | 'displaced', Float32Array>;
  leaked: number;
}

const unit = 2 ** -24;
/** Token counts, the loss, the norm's two sums: two float32 each for a number, to n − 1 others. */
const numbersSent = (size: number) => (size - 1) * 2 * 4 * (2 + 1 + 2);

const isMixed = (form: string) => form.includes('mixed');
const isStage3 = (form: string) => form.includes('stage 3');
const width = (form: string) => (isMixed(form) ? 2 : 4);

eachEngine((run) => {
  describe.each([2, 4])('%i ranks', (size) => {
    let results: Promise<Result[]> | undefined;
    // One start for all tests: under MPI it takes seconds.
    const all = () => {
      results ??= run(size, 'zero') as Promise<Result[]>;
      return results;
    };
    const eachForm = async (check: (form: string, run: Run, rank: number) => void) => {
      for (const [rank, { forms }] of (await all()).entries())
        for (const [form, one] of Object.entries(forms)) check(form, one, rank);
    };

    /**
     * Bit for bit where sums over ranks have the order of the ring: always with two ranks, and of halves, which our ring adds on every engine.
     * MPI adds four float32 in an order of its own: gradients then differ by at most 4 n u Σ|x|/n, as for data parallelism; a step of
     * AdamW is at most its rate, 0.01, per parameter whatever the gradient, but moves by less than 1e-4 with all but tiny ones.
     */
    const expectEqual = (form: string, { steps, gradients, parameters, reference }: Run, exact: boolean) => {
      for (const [n, { loss, gradientNorm }] of steps.entries()) {
        expect(loss, form).toBeCloseTo(reference.steps[n]!.loss, exact ? 12 : 4);
        // Squares are added in float64, by shards.
        expect(gradientNorm / reference.steps[n]!.gradientNorm, form).toBeCloseTo(1, exact ? 12 : 3);
      }
      if (exact) {
        expect(gradients, form).toEqual(reference.gradients);
        expect(parameters, form).toEqual(reference.parameters);
        return;
      }
      for (const [name, values] of Object.entries(reference.gradients))
        for (const [i, value] of values.entries()) {
          const sum = reference.summands.reduce((total, one) => total + Math.abs(one[name]![i]!), 0);
          expect(Math.abs(gradients[name]![i]! - value), `${form} ${name}[${i}]`).toBeLessThanOrEqual(
            4 * unit * sum,
          );
        }
    };

    it('trains as AdamW on one rank: losses, every gradient, norms, parameters', async () => {
      const { addsByRing } = (await all())[0]!;
      await eachForm((form, one) => expectEqual(form, one, addsByRing || size === 2 || isMixed(form)));
    });

    it('clips by the norm over all shards', async () => {
      for (const { clipped, addsByRing } of await all()) {
        expect(clipped.steps.every(({ gradientNorm }) => gradientNorm > 0.5)).toBe(true);
        expectEqual('clipped', clipped, addsByRing || size === 2);
      }
    });

    it('adds micro-batches up: once reduced in stage 1, each in stages 2 and 3', async () => {
      for (const { accumulated, addsByRing } of await all())
        for (const [stage, one] of Object.entries(accumulated)) {
          expectEqual(`stage ${stage}`, one, addsByRing || size === 2);
          const once = ((size - 1) / size) * 4 * one.geometry.padded;
          expect(one.traffic.inBackward.reduceScatter).toBe(once * (stage === '1' ? 1 : 2));
        }
    });

    it('sends as much as data parallelism in stages 1 and 2, half as much again in stage 3', async () => {
      await eachForm((form, { traffic, geometry }) => {
        const once = ((size - 1) / size) * width(form) * geometry.padded;
        const gathered = traffic.inBackward.allGather - numbersSent(size);
        expect(traffic.inBackward.reduceScatter, form).toBe(once);
        expect(traffic.other, form).toBe(0);
        // The last layer uses the first one's table: its unit is gathered for both, unless it stays.
        const table = geometry.units.find(({ names }) => names.includes('table'))!.length;
        const again = ((size - 1) / size) * width(form) * table;
        if (!isStage3(form)) expect([gathered, traffic.inUpdate], form).toEqual([0, once]);
        else if (form.includes('gathered once'))
          expect([gathered, traffic.inUpdate], form).toEqual([once, 0]);
        else expect([gathered, traffic.inUpdate], form).toEqual([2 * (once + again), 0]);
      });
    });

    it('keeps 16Ψ bytes divided as the paper says', async () => {
      await eachForm((form, { bytes, geometry }) => {
        const [whole, shard] = [geometry.padded, geometry.padded / size];
        const [parameters, gradients] = [bytes.parameters.live, bytes.gradients.live];
        const states = bytes.optimizerStates.live;
        const b = width(form);
        expect(states, form).toBe((isMixed(form) ? 12 : 8) * shard);
        const stage = Number(/stage (\d)/.exec(form)![1]);
        // In float32 the layers' own variables are the parameters: without padding.
        const kept = isMixed(form) ? whole : geometry.count;
        expect(parameters, form).toBe(b * (stage === 3 ? shard : kept));
        expect(gradients, form).toBe(b * (stage === 1 ? whole : shard));
        const { modelStates } = bytes;
        if (form === 'stage 1, mixed') expect(modelStates).toBe(4 * whole + 12 * shard);
        if (form === 'stage 2, mixed') expect(modelStates).toBe(2 * whole + 14 * shard);
        if (stage === 3) expect(modelStates, form).toBe(16 * shard);
      });
    });

    it('holds the tensors that it counts', async () => {
      if (run !== onAsyncRanks) return;
      await eachForm((form, { held, states, geometry }) => {
        // Halves are no tensors.
        const parameters = isMixed(form) ? 0 : states.parameters;
        // Variables that are still there.
        expect(held, form).toBe(parameters + states.optimizerStates);
        expect(geometry.count).toBe(646);
      });
    });

    it('gathers one layer at a time, two with prefetch, all where they stay', async () => {
      await eachForm((form, { bytes, geometry }) => {
        const [table, attention, mlp, last] = geometry.layers as [number, number, number, number];
        const { peak, live } = bytes.gathered;
        expect(live, form).toBe(0);
        if (form === 'stage 1' || form === 'stage 2') expect(peak).toBe(0);
        else if (form.includes('gathered once')) expect(peak).toBe(4 * geometry.count);
        else if (/prefetch|rows, mixed/.test(form)) {
          const pairs = [table + attention, attention + mlp, mlp + last];
          expect(peak, form).toBe(4 * Math.max(...pairs));
        } else expect(peak, form).toBe(4 * Math.max(table, attention, mlp, last));
      });
    });

    it('never has more than two buckets and one that fills, and frees them', async () => {
      await eachForm((form, { bytes, geometry }) => {
        const lengths = geometry.units.map(({ length }) => length * width(form));
        const three = lengths.map((length, n) => length + (lengths[n + 1] ?? 0) + (lengths[n + 2] ?? 0));
        // The table's gradients begin in the last layer: its bucket waits from then on.
        expect(bytes.buckets.peak, form).toBeLessThanOrEqual(Math.max(...three) + lengths.at(-1)!);
        expect(bytes.buckets.live, form).toBe(0);
      });
    });

    it('leaves out a step whose halves overflow, on all ranks', async () => {
      for (const { overflow } of await all()) {
        expect(overflow.skipped).toBe(true);
        expect(overflow.steps).toBe(0);
        expect(overflow.gradients).toBe(0);
        expect(overflow.after).toEqual(overflow.before);
      }
    });

    it('leaves no tensor behind', async () => {
      for (const { leaked } of await all()) expect(leaked).toBe(0);
    });

    describe('its wrong variants differ:', () => {
      it('a part of the own gradient instead of the mean, parts in the wrong order', async () => {
        const { right, local, displaced } = (await all())[0]!.localSlice;
        const mean = Array.from({ length: size }, (_, rank) => 10 ** rank).reduce((a, b) => a + b) / size;
        expect([...right]).toEqual(Array.from({ length: 2 * size }, (_, i) => (i + 1) * mean));
        expect([...local]).toEqual(Array.from({ length: 2 * size }, (_, i) => (i + 1) * 10 ** (i >> 1)));
        expect(displaced).not.toEqual(right);
        expect([...displaced].sort((a, b) => a - b)).toEqual([...right]);
      });
    });
  });
});

describe('partitions', () => {
  const parameters = [
    { name: 'w', shape: [5, 3] },
    { name: 'gain', shape: [] },
    { name: 'b', shape: [3] },
  ];
  const covers = (layout: ReturnType<typeof flatLayout>) => {
    const seen = new Map(
      parameters.map(({ name, shape }) => [name, new Array(shape.reduce((a, b) => a * b, 1)).fill(0)]),
    );
    for (let part = 0; part < layout.parts; part++)
      for (const { name, from, at, length } of piecesOfPart(layout, part)) {
        expect(at + length).toBeLessThanOrEqual(layout.partLength);
        for (let i = 0; i < length; i++) seen.get(name)![from + i]++;
      }
    return [...seen.values()].flat().every((count) => count === 1);
  };

  it.each([1, 2, 3, 4, 7])('have every number once, over %i ranks, none lost at the end', (ranks) => {
    for (const layoutOf of [flatLayout, rowsLayout])
      for (const multiple of [1, 2]) {
        const layout = layoutOf(parameters, ranks, multiple);
        expect(covers(layout)).toBe(true);
        expect(layout.partLength % multiple).toBe(0);
      }
    expect(flatLayout(parameters, ranks).length).toBe(Math.ceil(19 / ranks) * ranks);
  });

  it('by rows are whole rows', () => {
    const layout = rowsLayout(parameters, 4);
    // ceil(5/4) = 2 rows of 3, a scalar, ceil(3/4) = 1.
    expect(layout.partLength).toBe(6 + 1 + 1);
    expect(piecesOfPart(layout, 2)).toEqual([
      { name: 'w', from: 12, at: 0, length: 3 },
      { name: 'b', from: 2, at: 7, length: 1 },
    ]);
    expect(piecesOfPart(layout, 3)).toEqual([]);
  });
});

describe('ZeRO that cannot be', () => {
  const shard = (options: Partial<ZeroOptions<unknown>>) => {
    const layer = {
      name: 'layer',
      parameters: new Map([['w', tf.variable(tf.zeros([2]))]]),
      forward: async () => {
        throw new Error('not called');
      },
    };
    return ranks(2, async (comm) => {
      const zero = await Zero.shard<unknown>([layer], comm, { stage: 2, rule: adamW(), ...options });
      await zero.gradients(comm.rank === 0 ? [1] : [1, 2]);
    });
  };

  it.each([
    [{ stage: 4 as 3 }, 'stage must be 1, 2 or 3, got 4; without sharding use DataParallel'],
    [
      { partition: 'rows' as const },
      'partition belongs to stage 3, which shards parameters; stage 2 keeps them whole',
    ],
    [{ lossScale: 8 }, "lossScale 8 is for precision 'mixed'; float32 gradients need none"],
    [{ precision: 'mixed' as const, lossScale: 0 }, 'lossScale must be a positive number, got 0'],
    [{ stage: 3 as const, prefetch: 0.5 }, 'prefetch must be a whole number of layers from 0, got 0.5'],
    [{ rule: muon() }, 'muon needs whole parameters, and a rank has parts of them'],
    [
      {},
      'rank 0 has 1 micro-batches, rank 1 has 2; sharded gradients and parameters need as many on all ranks',
    ],
  ])('%o', async (options, message) => {
    await expect(shard(options)).rejects.toThrow(message);
  });
});
