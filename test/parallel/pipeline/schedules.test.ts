import { describe, expect, it } from 'vitest';
import {
  type Action,
  makeSchedule,
  type Schedule,
  type ScheduleName,
  scheduleFromCsv,
  scheduleNames,
  scheduleToCsv,
  simulate,
  validateSchedule,
} from '../../../src/parallel/pipeline/index.js';

const equal = { forward: 1, inputGradient: 1, weightGradient: 1 };
const unequal = { forward: 2, inputGradient: 2, weightGradient: 1 };

const make = (name: string, ranks: number, microBatches: number, stagesPerRank?: number) =>
  makeSchedule(name, { ranks, microBatches, ...(stagesPerRank && { stagesPerRank }) });

/** The tables of torch 2.15's own schedule classes, timed by an event simulator that is not this one. */
const measured: [ScheduleName, v: number, idle: number, makespan: number, unequal: number, live: number[]][] =
  [
    ['gpipe', 1, 9, 33, 15, [8, 8, 8, 8]],
    ['1f1b', 1, 9, 33, 15, [4, 3, 2, 1]],
    ['interleaved', 2, 9, 57, 15, [11, 9, 7, 5]],
    ['interleaved', 3, 9, 81, 15, [15, 13, 11, 9]],
    ['interleaved', 4, 9, 105, 15, [19, 17, 15, 13]],
    ['zb1p', 2, 3, 51, 9, [8, 8, 8, 8]],
    ['zbv', 2, 3, 51, 6, [8, 8, 8, 8]],
    ['dualpipev', 2, 6, 54, 15, [9, 9, 9, 9]],
  ];

describe('four ranks, eight micro-batches', () => {
  it.each(measured)('%s with %i stages per rank', (name, v, idle, makespan, unequalIdle, live) => {
    const schedule = make(name, 4, 8, v);
    const result = simulate(schedule, equal);
    expect(result).toMatchObject({ makespan, peakLive: live, idle: [idle, idle, idle, idle] });
    expect(simulate(schedule, unequal).idle).toEqual([unequalIdle, unequalIdle, unequalIdle, unequalIdle]);
  });
});

describe('eight ranks, sixteen micro-batches', () => {
  it.each([
    ['gpipe', 1, 21, 69],
    ['1f1b', 1, 21, 69],
    ['interleaved', 2, 21, 117],
    ['zb1p', 2, 7, 103],
    ['zbv', 2, 7, 103],
    ['dualpipev', 2, 14, 110],
  ] as const)('%s with %i stages per rank', (name, v, idle, makespan) => {
    const result = simulate(make(name, 8, 16, v), equal);
    expect(result.makespan).toBe(makespan);
    expect(new Set(result.idle)).toEqual(new Set([idle]));
  });
});

it('lets no rank of ZBV pause between its first action and its last', () => {
  expect(simulate(make('zbv', 4, 8), equal).ownIdle).toEqual([0, 0, 0, 0]);
  expect(simulate(make('zbv', 4, 8), unequal).ownIdle).toEqual([6, 4, 2, 0]);
});

/** A small generator of its own, so that a failure can be repeated. */
function* cases(count: number, seed: number): Generator<(limit: number) => number> {
  let state = seed;
  const below = (limit: number) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * limit);
  };
  for (let n = 0; n < count; n++) yield below;
}

describe('the closed formulas', () => {
  it('hold for any ranks, micro-batches, stages and costs', () => {
    for (const below of cases(150, 20261130)) {
      const [p, v] = [1 + below(7), 1 + below(4)];
      const m = p * (1 + below(5));
      const [forward, inputGradient, weightGradient] = [1 + below(9), 1 + below(9), 1 + below(9)];
      const costs = { forward, inputGradient, weightGradient };
      const whole = forward + inputGradient + weightGradient;
      const run = (name: ScheduleName, stages: number, batches = m) => {
        const schedule = make(name, p, batches, stages);
        validateSchedule(schedule);
        const { idle, busy, peakLive } = simulate(schedule, costs);
        expect(busy).toEqual(busy.map(() => stages * batches * whole));
        return { idle: idle[0], peakLive };
      };
      const ranks = Array.from({ length: p }, (_, rank) => rank);
      expect(run('naive', 1)).toEqual({ idle: (p - 1) * m * whole, peakLive: ranks.map(() => 1) });
      expect(run('gpipe', 1)).toEqual({ idle: (p - 1) * whole, peakLive: ranks.map(() => m) });
      expect(run('1f1b', 1)).toEqual({
        idle: (p - 1) * whole,
        peakLive: ranks.map((r) => Math.min(p - r, m)),
      });
      const live = (r: number) => Math.min(v * m, 2 * (p - r - 1) + (v - 1) * p + 1);
      if (v > 1) expect(run('interleaved', v)).toEqual({ idle: (p - 1) * whole, peakLive: ranks.map(live) });
      if (m >= 2 * p) {
        const bubble = (p - 1) * (whole + (inputGradient + weightGradient) - 3 * weightGradient);
        if (forward === inputGradient && inputGradient === weightGradient)
          expect(run('dualpipev', 2)).toEqual({ idle: bubble, peakLive: ranks.map(() => 2 * p + 1) });
        else run('dualpipev', 2);
      }
      expect(run('zbv', 2).peakLive.every((chunks) => chunks <= 2 * p)).toBe(true);
    }
  });

  it('ZB1P leaves (P − 1)(F + I − W), where a weight gradient is no dearer than the others', () => {
    for (const below of cases(80, 7)) {
      const [p, v] = [1 + below(7), 1 + below(3)];
      const m = p * (2 + below(4));
      const weightGradient = 1 + below(5);
      const costs = {
        forward: weightGradient + below(3),
        inputGradient: weightGradient + below(3),
        weightGradient,
      };
      const { idle } = simulate(make('zb1p', p, m, v), costs);
      expect(idle[0]).toBe((p - 1) * (costs.forward + costs.inputGradient - weightGradient));
    }
  });

  it('ZBV has no bubble but P − 1 where F = I = W, for any number of micro-batches from 2P − 1 on', () => {
    for (let p = 1; p <= 6; p++)
      for (let m = 2 * p - 1; m <= 2 * p + 5; m++)
        expect(simulate(make('zbv', p, m), equal)).toMatchObject({
          makespan: 6 * m + p - 1,
          ownIdle: Array.from({ length: p }, () => 0),
        });
  });
});

describe('every schedule', () => {
  it.each(scheduleNames)('%s survives being written as PyTorch writes it', (name) => {
    const schedule = make(name, 4, 8);
    expect(scheduleFromCsv(scheduleToCsv(schedule), name)).toEqual(schedule);
  });

  it.each(scheduleNames)('%s is valid for any number of ranks and micro-batches that it takes', (name) => {
    for (let ranks = 1; ranks <= 6; ranks++)
      for (let times = 2; times <= 4; times++) validateSchedule(make(name, ranks, ranks * times));
  });

  it('waits for the slowest stage: the same work in equal stages takes less', () => {
    const forwardOnly = { forward: 1, inputGradient: 0, weightGradient: 0 };
    const schedule = make('gpipe', 4, 8);
    expect(simulate(schedule, { ...forwardOnly, stageFactor: [1, 1, 1, 3] }).makespan).toBe(27);
    expect(simulate(schedule, { ...forwardOnly, stageFactor: [1.5, 1.5, 1.5, 1.5] }).makespan).toBe(16.5);
  });

  it('pays for communication between ranks, not within one', () => {
    const together = { ...equal, communication: 10 };
    expect(simulate(make('naive', 1, 3), together).makespan).toBe(9);
    expect(simulate(make('naive', 2, 1), together).makespan).toBe(6 + 20);
    // In the V, the last stage of the way down and the first of the way up are on one rank.
    expect(simulate(make('zbv', 2, 1), together).makespan).toBe(
      simulate(make('zbv', 2, 1), equal).makespan + 40,
    );
  });

  it('gains from passes that overlap', () => {
    const schedule = make('dualpipev', 4, 8);
    const { makespan } = simulate(schedule, equal);
    expect(simulate(schedule, { ...equal, overlap: 0.75 }).makespan).toBeLessThan(makespan);
  });
});

describe('PyTorch’s CSV', () => {
  it('is read with its empty fields and pairs', () => {
    const schedule = scheduleFromCsv('0F0,,0F1,,0B0,0B1\n,1F0,(1F1;1B0)OVERLAP_F_B,1B1\n');
    expect(schedule).toMatchObject({ ranks: 2, stages: 2, microBatches: 2, rankOf: [0, 1] });
    expect(schedule.orders[1]!.map(({ kind }) => kind).join('')).toBe('FFBB');
    validateSchedule(schedule);
  });

  it.each([
    ['0F0,0X1\n', "line 1, field 2: '0X1' is no action"],
    ['0F0,0B0\n0F1\n', 'stage 0 is on line 1 and on line 2'],
    ['(0B0;0F0)OVERLAP_F_B\n', 'line 1, field 1'],
  ])('%j is refused', (text, message) => {
    expect(() => scheduleFromCsv(text)).toThrow(message);
  });
});

describe('the validator', () => {
  const changed = (change: (orders: Action[][]) => void, name = '1f1b'): Schedule => {
    const schedule = make(name, 2, 2);
    const orders = schedule.orders.map((order) => [...order]);
    change(orders);
    return { ...schedule, orders };
  };

  it.each<[string, (orders: Action[][]) => void, string]>([
    ['an action left out', (orders) => orders[1]!.pop(), '1B1 is missing'],
    ['an action done twice', (orders) => orders[0]!.push(orders[0]![0]!), '0F0 stands twice'],
    [
      'backward before forward',
      (orders) => orders[1]!.reverse(),
      'this order never ends; waiting: rank 0 at 0B0 for 1B0, rank 1 at 1B1 for 1F1',
    ],
    [
      'a stage of another rank',
      (orders) => orders[0]!.push({ kind: 'F', stage: 1, microBatch: 0 }),
      'rank 0 has 1F0, but stage 1 is on rank 1',
    ],
    [
      'a micro-batch too many',
      (orders) => orders[0]!.push({ kind: 'F', stage: 0, microBatch: 2 }),
      '0F2 is beyond 2 stages and 2 micro-batches',
    ],
    [
      'forward numbers off by one on the last rank',
      (orders) => {
        orders[1] = orders[1]!.map((a) => (a.kind === 'F' ? { ...a, microBatch: a.microBatch + 1 } : a));
      },
      '1F2 is beyond',
    ],
  ])('finds %s', (_, change, message) => {
    expect(() => validateSchedule(changed(change))).toThrow(message);
  });

  it('finds weights before the gradient they need, and a whole pass beside a divided one', () => {
    const swapped = changed((orders) => {
      const at = orders[1]!.findIndex(({ kind }) => kind === 'I');
      const [input] = orders[1]!.splice(at, 1);
      orders[1]!.splice(orders[1]!.findIndex(({ kind }) => kind === 'W') + 1, 0, input!);
    }, 'zb1p');
    expect(() => validateSchedule(swapped)).toThrow('rank 1 at 1W0 for 1I0');
    const both = changed((orders) => orders[1]!.push({ kind: 'B', stage: 1, microBatch: 0 }), 'zb1p');
    expect(() => validateSchedule(both)).toThrow('1B0 is done although');
  });
});

describe('what cannot be', () => {
  it.each([
    ['2f2b', 4, 8, undefined, "there is no schedule '2f2b'; there are naive, gpipe, 1f1b"],
    ['constructor', 4, 8, undefined, 'there is no schedule'],
    [
      'interleaved',
      4,
      10,
      2,
      '10 micro-batches are no multiple of 4 ranks, in whose rounds they come; take 8 or 12',
    ],
    ['interleaved', 4, 3, 2, 'take 4'],
    ['dualpipev', 4, 7, undefined, '7 micro-batches are too few for 4 ranks; take at least 8'],
    ['gpipe', 4, 8, 2, 'gpipe has 1 stage per rank, not 2'],
    ['gpipe', 0, 8, undefined, 'the number of ranks is 0'],
    ['gpipe', 4, 1.5, undefined, 'the number of micro-batches is 1.5'],
  ])('%s on %d ranks with %d micro-batches', (name, ranks, microBatches, v, message) => {
    expect(() => make(name, ranks, microBatches, v)).toThrow(message);
  });

  it('a negative cost', () => {
    expect(() => simulate(make('gpipe', 2, 2), { ...equal, forward: -1 })).toThrow('the cost forward is -1');
  });
});
