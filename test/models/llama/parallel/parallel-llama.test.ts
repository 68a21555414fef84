/** A Llama on several ranks against the library's Llama on one, in all layouts, on all engines. */
import { beforeAll, describe, expect, it } from 'vitest';
import { useBackend } from '../../../../src/compute/backend.js';
import { eachEngine } from '../../../parallel/engines.js';
import { type Case, differing, onOneRank, type Result, small } from './expected.js';

const tensorCases = (tensor: number): Record<string, Case> => ({
  plain: { config: small, sizes: { tensor }, shape: [2, 9] },
  'sequence parallel': {
    config: small,
    sizes: { tensor },
    shape: [2, 9],
    options: { sequenceParallel: true },
  },
});

const cases: Record<number, Record<string, Case>> = {
  1: { plain: { config: small, sizes: {}, shape: [2, 9] } },
  2: tensorCases(2),
  4: tensorCases(4),
};

beforeAll(() => useBackend('cpu'));

eachEngine((run) => {
  describe.each(Object.entries(cases))('%s ranks', (size, byName) => {
    let results: Result[][];
    beforeAll(async () => {
      results = (await run(Number(size), 'parallel-llama', {
        cases: Object.values(byName),
      })) as Result[][];
    });

    it.each(Object.entries(byName).map(([name, one], n) => [name, one, n] as const))(
      '%s: loss, every gradient and the norm are those of one rank',
      (_name, one, n) => {
        const expected = onOneRank(one);
        const [first, ...others] = results.map((ofRank) => ofRank[n]!);
        expect(differing(one, first!, expected)).toEqual([]);
        for (const { loss, norm } of others) expect([loss, norm]).toEqual([first!.loss, first!.norm]);
      },
    );
  });
});
