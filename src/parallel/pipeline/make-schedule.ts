/** Schedules by name, with what each of them needs. */
import { formatCount } from '../../display/format.js';
import type { Schedule } from './action.js';
import { interleavedSchedule, zeroBubbleSchedule } from './schedules/interleaved.js';
import { gpipeSchedule, naiveSchedule, oneForwardOneBackwardSchedule } from './schedules/plain.js';
import { dualPipeVSchedule, zbvSchedule } from './schedules/v-shaped.js';

export const scheduleNames = ['naive', 'gpipe', '1f1b', 'interleaved', 'zb1p', 'zbv', 'dualpipev'] as const;
export type ScheduleName = (typeof scheduleNames)[number];

export interface ScheduleOptions {
  /** Ranks in the pipeline, P. */
  ranks: number;
  microBatches: number;
  /** v; default 2 where the schedule is made of several, else 1. */
  stagesPerRank?: number;
}

interface Rule {
  make(ranks: number, microBatches: number, stagesPerRank: number): Schedule;
  /** Absent: any number. */
  stagesPerRank?: number;
  usual: number;
  /** Micro-batches come in rounds of P. */
  rounds?: true;
  atLeast?: (ranks: number) => number;
}

const rules: Record<ScheduleName, Rule> = {
  naive: { make: naiveSchedule, stagesPerRank: 1, usual: 1 },
  gpipe: { make: gpipeSchedule, stagesPerRank: 1, usual: 1 },
  '1f1b': { make: oneForwardOneBackwardSchedule, stagesPerRank: 1, usual: 1 },
  interleaved: { make: interleavedSchedule, usual: 2, rounds: true },
  zb1p: { make: zeroBubbleSchedule, usual: 1, rounds: true },
  zbv: { make: zbvSchedule, stagesPerRank: 2, usual: 2 },
  dualpipev: { make: dualPipeVSchedule, stagesPerRank: 2, usual: 2, atLeast: (ranks) => 2 * ranks },
};

/** @throws RangeError with the numbers, and the nearest that would do */
export function makeSchedule(name: string, options: ScheduleOptions): Schedule {
  const rule = rules[name as ScheduleName] as Rule | undefined;
  if (!rule || !Object.hasOwn(rules, name))
    throw new RangeError(`there is no schedule '${name}'; there are ${scheduleNames.join(', ')}`);
  const { ranks, microBatches, stagesPerRank = rule.usual } = options;
  for (const [what, count] of Object.entries({
    ranks,
    'micro-batches': microBatches,
    'stages per rank': stagesPerRank,
  }))
    if (!Number.isInteger(count) || count < 1)
      throw new RangeError(`${name}: the number of ${what} is ${count}; it must be a whole number from 1`);
  if (rule.stagesPerRank !== undefined && stagesPerRank !== rule.stagesPerRank)
    throw new RangeError(
      `${name} has ${formatCount(rule.stagesPerRank, 'stage')} per rank, not ${stagesPerRank}`,
    );
  if (rule.rounds && stagesPerRank > 1 && microBatches % ranks !== 0) {
    const below = Math.floor(microBatches / ranks) * ranks;
    const near = below === 0 ? String(ranks) : `${below} or ${below + ranks}`;
    throw new RangeError(
      `${name}: ${microBatches} micro-batches are no multiple of ${ranks} ranks, in whose rounds they come; take ${near}`,
    );
  }
  const least = rule.atLeast?.(ranks) ?? 1;
  if (microBatches < least)
    throw new RangeError(
      `${name}: ${microBatches} micro-batches are too few for ${ranks} ranks; take at least ${least}`,
    );
  return rule.make(ranks, microBatches, stagesPerRank);
}
