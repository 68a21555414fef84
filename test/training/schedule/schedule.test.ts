import { describe, expect, it } from 'vitest';
import {
  cosineSchedule,
  inverseSqrtSchedule,
  type LearningRateSchedule,
  linearSchedule,
  warmupStableDecaySchedule,
} from '../../../src/training/schedule/schedule.js';

const first = (schedule: LearningRateSchedule, steps: number) =>
  Array.from({ length: steps }, (_, step) => schedule(step));

function expectNear(actual: number[], expected: number[]): void {
  expect(actual.length).toBe(expected.length);
  for (const [n, value] of expected.entries()) expect(actual[n], `step ${n}`).toBeCloseTo(value, 12);
}

describe('learning-rate schedules', () => {
  it('rise in a straight line and fall in one, to 0 and no further', () => {
    expectNear(first(linearSchedule({ steps: 6, warmUp: 2 }), 8), [0, 0.5, 1, 0.75, 0.5, 0.25, 0, 0]);
    expectNear(first(linearSchedule({ steps: 2 }), 4), [1, 0.5, 0, 0]);
    expectNear(first(linearSchedule({ steps: 2, warmUp: 2 }), 4), [0, 0.5, 0, 0]);
  });

  it('fall along a cosine, to a minimum where there is one, and go on along it', () => {
    const root = Math.SQRT1_2;
    expectNear(first(cosineSchedule({ steps: 5, warmUp: 1 }), 7), [
      0,
      1,
      (1 + root) / 2,
      0.5,
      (1 - root) / 2,
      0,
      (1 - root) / 2,
    ]);
    expectNear(first(cosineSchedule({ steps: 2, minimum: 0.2 }), 3), [1, 0.6, 0.2]);
    expectNear(first(cosineSchedule({ steps: 4, cycles: 1 }), 5), [1, 0.5, 0, 0.5, 1]);
  });

  it('stay on a plateau and decay late, in three shapes', () => {
    const sizes = { steps: 9, warmUp: 2, decay: 4 };
    expectNear(
      first(warmupStableDecaySchedule({ ...sizes, decayShape: 'linear' }), 11),
      [0, 0.5, 1, 1, 1, 1, 0.75, 0.5, 0.25, 0, 0],
    );
    const cosine = first(warmupStableDecaySchedule({ ...sizes, minimum: 0.2 }), 10);
    expectNear(cosine.slice(0, 2), [0.2, 0.6]);
    expectNear([cosine[7]!, cosine[9]!], [0.6, 0.2]);
    const root = warmupStableDecaySchedule({
      stable: 1,
      decay: 4,
      warmUp: 4,
      decayShape: '1-sqrt',
      warmUpShape: '1-sqrt',
    });
    expectNear(first(root, 10), [
      0,
      1 - Math.sqrt(0.75),
      1 - Math.SQRT1_2,
      0.5,
      1,
      1,
      0.5,
      1 - Math.SQRT1_2,
      1 - Math.sqrt(0.75),
      0,
    ]);
    const waves = warmupStableDecaySchedule({
      stable: 0,
      decay: 4,
      warmUp: 2,
      warmUpShape: 'cosine',
      cycles: 1,
    });
    expectNear(first(waves, 7), [0, 0.5, 1, 0.5, 0, 0.5, 0]);
  });

  it('end at once where there is no decay', () => {
    expectNear(first(warmupStableDecaySchedule({ stable: 2, decay: 0, minimum: 0.1 }), 3), [1, 1, 0.1]);
  });

  it('fall with the root of the step', () => {
    expectNear(first(inverseSqrtSchedule({ warmUp: 2 }), 9), [
      0,
      0.5,
      1,
      Math.sqrt(2 / 3),
      Math.sqrt(2 / 4),
      Math.sqrt(2 / 5),
      Math.sqrt(2 / 6),
      Math.sqrt(2 / 7),
      0.5,
    ]);
    expect(inverseSqrtSchedule()(30_000)).toBe(0.5);
    expect(inverseSqrtSchedule({ timescale: 5, warmUp: 3 })(18)).toBe(0.5);
  });

  it('refuse numbers of steps that are none, and what cannot be', () => {
    expect(() => linearSchedule({ steps: 1.5 })).toThrow(/linearSchedule: steps must be .* got 1.5/);
    expect(() => linearSchedule({ steps: 2 })(-1)).toThrow(/step must be a whole number >= 0, got -1/);
    expect(() => cosineSchedule({ steps: 2, minimum: 2 })).toThrow(/minimum must lie in \[0, 1\], got 2/);
    expect(() => cosineSchedule({ steps: 2, cycles: Number.NaN })).toThrow(/cycles must be a finite number/);
    expect(() => warmupStableDecaySchedule({ decay: 3 })).toThrow(/needs steps, or stable/);
    expect(() => warmupStableDecaySchedule({ steps: 4, warmUp: 2, decay: 3 })).toThrow(
      /4 steps are too few for a warm-up of 2 and a decay of 3/,
    );
    expect(() => warmupStableDecaySchedule({ stable: 1, decay: 3, decayShape: 'root' as 'linear' })).toThrow(
      /decayShape must be 'linear', 'cosine' or '1-sqrt', got "root"/,
    );
    expect(() => inverseSqrtSchedule({ timescale: 0 })).toThrow(/timescale must be a positive number, got 0/);
  });
});
