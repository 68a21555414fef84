/** Every strategy and their compositions on a small Llama: losses, every gradient and the gradient norm are those of one rank, on every engine. */
import { beforeAll, describe, expect, it } from 'vitest';
import { type RunFlags, runOptions } from '../../../scripts/parallel/run-options.js';
import { eachEngine, onAsyncRanks } from '../engines.js';

interface Result {
  losses: number[];
  norms: number[];
  /** Empty on ranks that only have what others have too. */
  gradients: [name: string, values: Float32Array][];
}

const usual: RunFlags = {
  ...{ data: 1, tensor: 1, pipeline: 1, context: 1, expert: 1, zero: 0, schedule: '1f1b' },
  ...{ steps: 2, seed: 1, batch: 8, sequence: 8, layers: 2, contextForm: 'ring', backend: 'cpu' },
};
const optionsOf = (flags: Partial<RunFlags>) => runOptions({ ...usual, ...flags });

const ofTwo: Partial<RunFlags>[] = [
  ...[0, 1, 2, 3].map((zero) => ({ data: 2, zero })),
  { tensor: 2 },
  { tensor: 2, sequenceParallel: true },
  ...['gpipe', '1f1b', 'zb1p', 'zbv'].map((schedule) => ({ pipeline: 2, schedule })),
  { context: 2 },
  { context: 2, contextForm: 'ulysses' },
  { expert: 2, experts: 4 },
];
const ofFour: Partial<RunFlags>[] = [
  { tensor: 2, data: 2 },
  { tensor: 2, data: 2, sequenceParallel: true },
  { tensor: 2, data: 2, zero: 3 },
  ...['1f1b', 'zb1p', 'zbv'].map((schedule) => ({ pipeline: 2, data: 2, microBatches: 2, schedule })),
  ...['1f1b', 'dualpipev'].map((schedule) => ({ tensor: 2, pipeline: 2, schedule })),
  { tensor: 2, pipeline: 2, sequenceParallel: true, schedule: 'zbv' },
  ...['1f1b', 'zbv'].map((schedule) => ({ pipeline: 2, data: 2, zero: 1, microBatches: 2, schedule })),
  { expert: 2, experts: 4, data: 2 },
  { expert: 2, experts: 4, tensor: 2 },
  { expert: 2, experts: 4, pipeline: 2, microBatches: 2 },
  { context: 2, data: 2 },
  { context: 2, tensor: 2 },
  { context: 2, pipeline: 2, schedule: 'zb1p', contextForm: 'ulysses' },
  { pipeline: 4, schedule: 'interleaved', layers: 6, microBatches: 4 },
];

/** Models that differ: with experts, or longer. */
const modelOf = ({ experts, layers }: Partial<RunFlags>) => `${experts ?? 0} experts, ${layers ?? 2} blocks`;
const models: Partial<RunFlags>[] = [{}, { experts: 4 }, { layers: 6 }];

const onOneRank = new Map<string, Result>();
beforeAll(async () => {
  const [results] = (await onAsyncRanks(1, 'training', { cases: models.map(optionsOf) })) as [Result[]];
  for (const [n, model] of models.entries()) onOneRank.set(modelOf(model), results[n]!);
});

/**
 * Sums of at most k = 280 numbers (64 tokens, 64 hidden, about 150 words) are made in another order. Their rounding errors add up like a random
 * walk: √k 2^-24 of the largest, 1e-6. A missing 1/n or a missing sum changes gradients by a tenth of it and more.
 */
const bound = Math.sqrt(280) * 2 ** -24;

function furthest(one: Float32Array, other: Float32Array): number {
  let [largest, off] = [0, 0];
  for (const [i, value] of one.entries()) {
    largest = Math.max(largest, Math.abs(value));
    off = Math.max(off, Math.abs(value - other[i]!));
  }
  return off / largest;
}

eachEngine((run) => {
  describe.each([
    [2, ofTwo],
    [4, ofFour],
  ] as const)('%i ranks', (size, layouts) => {
    let all: Promise<Result[][]> | undefined;

    it.each(layouts.map((layout, n) => ({ text: JSON.stringify(layout), layout, n })))(
      '$text',
      async ({ layout, n }) => {
        all ??= run(size, 'training', { cases: layouts.map(optionsOf) }) as Promise<Result[][]>;
        const results = (await all).map((own) => own[n]!);
        const one = onOneRank.get(modelOf(layout))!;
        for (const { losses, norms } of results)
          for (const [step, loss] of losses.entries()) {
            expect(Math.abs(loss - one.losses[step]!)).toBeLessThan(bound * one.losses[step]!);
            expect(Math.abs(norms[step]! - one.norms[step]!)).toBeLessThan(bound * one.norms[step]!);
          }
        const gradients = new Map(results.flatMap((result) => result.gradients));
        expect([...gradients.keys()].sort()).toEqual(one.gradients.map(([name]) => name).sort());
        for (const [name, values] of one.gradients) {
          const own = gradients.get(name)!;
          expect(own).toHaveLength(values.length);
          expect(furthest(values, own), name).toBeLessThan(bound);
        }
      },
    );
  });
});
