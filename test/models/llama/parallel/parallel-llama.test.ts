/** A Llama on several ranks against the library's Llama on one, in all layouts, on all engines. */
import { beforeAll, describe, expect, it } from 'vitest';
import { useBackend } from '../../../../src/compute/backend.js';
import { tf } from '../../../../src/compute/tf.js';
import { eachEngine, onAsyncRanks } from '../../../parallel/engines.js';
import { cases } from './cases.js';
import { type Case, differing, onOneRank, type Result } from './expected.js';
import { sentBytes } from './traffic.js';

beforeAll(() => useBackend('cpu'));

const listed = (size: number) => Object.entries(cases[size]!).map(([name, one], n) => ({ name, one, n }));

eachEngine((run) => {
  describe.each([1, 2, 4])('%i ranks', (size) => {
    let results: Result[][];
    beforeAll(async () => {
      results = (await run(size, 'parallel-llama', { cases: Object.values(cases[size]!) })) as Result[][];
    });

    it.each(listed(size))('$name: loss, every gradient and the norm are those of one rank', ({ one, n }) => {
      const [first, ...others] = results.map((ofRank) => ofRank[n]!);
      expect(differing(one, first!, onOneRank(one))).toEqual([]);
      for (const { loss, norm } of others) expect([loss, norm]).toEqual([first!.loss, first!.norm]);
    });

    it.each(listed(size).filter(({ one }) => !one.config.experts))(
      '$name: sends what the formulas say',
      ({ one, n }) => {
        for (const [rank, ofRank] of results.entries()) {
          const { traffic } = ofRank[n]!;
          const sent = Object.fromEntries(Object.entries(traffic).map(([kind, { bytes }]) => [kind, bytes]));
          expect(sent, `rank ${rank}`).toEqual(sentBytes(one, rank));
        }
      },
    );
  });
});

describe('on one rank', () => {
  // Gradients of values used several times are summed in another order: only the forward pass is the same to the bit.
  it.each(listed(1))("$name: the loss has the same bits as the library's", async ({ one }) => {
    const [[result]] = (await onAsyncRanks(1, 'parallel-llama', { cases: [one] })) as [[Result]];
    expect(result.loss).toBe(onOneRank(one).loss);
  });
});

describe('a backward pass that leaves the weights to a second half', () => {
  it.each(listed(2))('$name: gives the same bits and sends the same', async ({ one }) => {
    const halves = { ...one, deferWeights: true };
    const results = (await onAsyncRanks(2, 'parallel-llama', { cases: [one, halves] })) as Result[][];
    for (const [whole, inHalves] of results) expect(inHalves).toEqual({ ...whole, bytes: inHalves!.bytes });
  });
});

describe('tensors', () => {
  it.each([2, 4])('of %i ranks are all freed', async (size) => {
    const all = Object.values(cases[size]!);
    const run = (some: Case[]) => onAsyncRanks(size, 'parallel-llama', { cases: some });
    for (const one of all) {
      // The first run fills the cache of rotation tables.
      await run([one]);
      const before = tf.memory().numTensors;
      await run([one]);
      expect(tf.memory().numTensors).toBe(before);
    }
  });
});
