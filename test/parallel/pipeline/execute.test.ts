/** Every schedule run for real, on every engine: losses, gradients and their norm of one rank, bit for bit; messages as the formula says. */
import { describe, expect, it } from 'vitest';
import { makeSchedule, peakLive, scheduleNames } from '../../../src/parallel/pipeline/index.js';
import { eachEngine } from '../engines.js';

interface Case {
  name: string;
  microBatches: number;
  stagesPerRank?: number;
  /** Of the tokens of the step, for a mean over tokens. */
  shares?: number[];
}

interface Counts {
  messages: number;
  bytes: number;
}

interface Result {
  loss?: number;
  losses: number[];
  gradients: Record<string, number[]>;
  norm: number;
  peakLive: number;
  peakBytes: number;
  events: { rank: number; kind: string; stage: number; microBatch: number; start: number; end: number }[];
  order: string[];
  left: number;
  own: number;
  sent: Counts;
  tied: Counts;
  serial?: { losses: number[]; gradients: Record<string, number[]> };
}

/** As in the program. */
const sizes = { V: 7, C: 6, B: 2, T: 3 };

const casesOf = (ranks: number): Case[] => [
  ...scheduleNames.flatMap((name) => [2 * ranks, 3 * ranks].map((microBatches) => ({ name, microBatches }))),
  { name: 'gpipe', microBatches: 5 },
  { name: '1f1b', microBatches: 1 },
  { name: 'zbv', microBatches: 2 },
  { name: 'interleaved', microBatches: 2 * ranks, stagesPerRank: 3 },
  { name: 'zb1p', microBatches: 2 * ranks, stagesPerRank: 2 },
  { name: '1f1b', microBatches: 4, shares: [0.5, 0.125, 0.125, 0.25] },
];

eachEngine((run) => {
  describe.each([2, 4])('%i ranks', (ranks) => {
    const cases = casesOf(ranks);
    let results: Promise<Result[][]> | undefined;
    const resultsOf = async (n: number): Promise<Result[]> => {
      results ??= run(ranks, 'pipeline', { blocks: 3 * ranks, cases }) as Promise<Result[][]>;
      return (await results).map((own) => own[n]!);
    };

    it.each(cases.map((one, n) => ({ ...one, n })))(
      '$name, $microBatches micro-batches, stages per rank $stagesPerRank, shares $shares',
      async ({ n, name, microBatches, stagesPerRank, shares }) => {
        const own = await resultsOf(n);
        const { serial } = own[0]!;
        const schedule = makeSchedule(name, {
          ranks,
          microBatches,
          ...(stagesPerRank !== undefined && { stagesPerRank }),
        });
        const last = own[schedule.rankOf.at(-1)!]!;
        expect(last.losses).toEqual(serial!.losses);
        const share = (m: number) => shares?.[m] ?? 1 / microBatches;
        expect(last.loss).toBe(serial!.losses.reduce((sum, loss, m) => sum + loss * share(m), 0));

        const all: Record<string, number[]> = {};
        for (const { gradients } of own)
          for (const [parameter, numbers] of Object.entries(gradients)) {
            // A tied parameter's ranks have the same bits.
            expect(numbers).toEqual(all[parameter] ?? numbers);
            all[parameter] = numbers;
          }
        expect(all).toEqual(serial!.gradients);

        const squares = Object.values(all).map((one) => one.reduce((sum, value) => sum + value * value, 0));
        const norm = Math.sqrt(squares.reduce((sum, one) => sum + one, 0));
        // Float64 sums of a few hundred squares in another order.
        for (const one of own) expect(Math.abs(one.norm - norm)).toBeLessThan(1e-13 * norm);

        expect(own.map((one) => one.peakLive)).toEqual(peakLive(schedule));
        for (const one of own)
          expect(one.events.map(({ kind, stage, microBatch }) => `${stage}${kind}${microBatch}`)).toEqual(
            one.order,
          );
      },
    );

    it.each(cases.map((one, n) => ({ ...one, n })))(
      '$name, $microBatches micro-batches, stages per rank $stagesPerRank: messages',
      async ({ n, name, microBatches, stagesPerRank }) => {
        const own = await resultsOf(n);
        const isV = name === 'zbv' || name === 'dualpipev';
        const v = isV ? 2 : (stagesPerRank ?? (name === 'interleaved' ? 2 : 1));
        // The middle of the V lies within the last rank.
        const boundaries = v * ranks - 1 - (isV ? 1 : 0);
        const messages = own.reduce((sum, { sent }) => sum + sent.messages, 0);
        const bytes = own.reduce((sum, one) => sum + one.sent.bytes, 0);
        const { V, B, T, C } = sizes;
        expect(messages).toBe(2 * boundaries * microBatches);
        expect(bytes).toBe(2 * boundaries * microBatches * B * T * C * 4);
        // The embedding lies on the first and last rank, and in a V both ends are on the first.
        expect(own.map((one) => one.tied.bytes)).toEqual(
          own.map((_, rank) => (!isV && (rank === 0 || rank === ranks - 1) ? V * C * 4 : 0)),
        );
      },
    );

    it('frees everything but the gradients', async () => {
      for (const [n] of cases.entries()) {
        const own = await resultsOf(n);
        const gradients = own.map((one) => one.own);
        // Ranks in one thread count each other's tensors.
        const together = gradients.reduce((sum, one) => sum + one, 0);
        for (const { left, own: kept } of own) expect([kept, together]).toContain(left);
      }
    });

    it('one rank does one action at a time', async () => {
      for (const [n] of cases.entries())
        for (const { events } of await resultsOf(n))
          for (const [at, { start, end }] of events.entries()) {
            expect(end).toBeGreaterThanOrEqual(start);
            expect(start).toBeGreaterThanOrEqual(events[at - 1]?.end ?? 0);
          }
    });
  });
});
