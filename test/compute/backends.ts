/**
 * `eachBackend((name) => ...)`: the same tests on every backend this machine has. Each gets a `describe` of its
 * own, made current before its tests; a missing one becomes a skipped test that names the reason.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type BackendName, backendNames, listBackends, useBackend } from '../../src/compute/backend.js';
import { tf } from '../../src/compute/tf.js';
import { skipNote } from '../support/requires.js';

const reports = await listBackends();

/** Whether this machine has the backend. */
export function hasBackend(name: BackendName): boolean {
  return reports.some((report) => report.name === name && report.available);
}

/** Runs the suite once per backend; `only` narrows it. Every suite must give back the tensors it made. */
export function eachBackend(
  suite: (name: BackendName) => void,
  only: readonly BackendName[] = backendNames,
): void {
  for (const { name, available, reason } of reports) {
    if (!only.includes(name)) continue;
    if (!available) {
      describe(name, () => {
        it(`is available ${skipNote(name, reason ?? '')}`, (context) => context.skip(reason));
      });
      continue;
    }
    describe(name, () => {
      beforeAll(async () => {
        await useBackend(name);
        tf.engine().startScope();
      });
      afterAll(() => tf.engine().endScope());
      suite(name);
    });
  }
}

/** Largest difference relative to the largest expected magnitude; NaN and infinities must be in the same places. */
export function relativeError(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  expect(actual.length).toBe(expected.length);
  let scale = Number.MIN_VALUE;
  let worst = 0;
  for (let i = 0; i < expected.length; i++) {
    if (Number.isFinite(expected[i])) scale = Math.max(scale, Math.abs(expected[i]!));
  }
  for (let i = 0; i < expected.length; i++) {
    const [a, e] = [actual[i]!, expected[i]!];
    if (Number.isFinite(e) && Number.isFinite(a)) worst = Math.max(worst, Math.abs(a - e));
    else if (!Object.is(a, e)) return Number.POSITIVE_INFINITY;
  }
  return worst / scale;
}
