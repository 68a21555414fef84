/** A failing cell is answered when its client has fallen silent: by a clock that the test turns. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { longestBreathMs, silence, silenceMs } from '../../kernel/worker/breath.js';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'performance'] });
});
afterEach(() => {
  vi.useRealTimers();
});

/** When the silence was there, if a request comes `gapMs` after the one before, `count` times. */
async function heldFor(gapMs: number, count: number): Promise<number> {
  const start = performance.now();
  let latest = start;
  let ended: number | undefined;
  void silence(() => latest).then(() => {
    ended = performance.now();
  });
  for (let i = 1; i <= count && ended === undefined; i++) {
    await vi.advanceTimersByTimeAsync(gapMs);
    if (ended === undefined) latest = performance.now();
  }
  await vi.advanceTimersByTimeAsync(10 * longestBreathMs);
  return ended! - start;
}

test('after the only request', async () => {
  expect(await heldFor(0, 0)).toBe(silenceMs);
});

test('each further request prolongs the breath', async () => {
  const gap = silenceMs - 1;
  expect(await heldFor(gap, 5)).toBe(5 * gap + silenceMs);
});

test('one that comes after the silence is none of it', async () => {
  expect(await heldFor(silenceMs + 1, 3)).toBe(silenceMs);
});

test('a client that never falls silent is answered', async () => {
  expect(await heldFor(10, 1_000)).toBe(longestBreathMs);
});

test('a request of long ago: at once, without a timer', async () => {
  const latest = performance.now() - silenceMs;
  await silence(() => latest);
  expect(vi.getTimerCount()).toBe(0);
});
