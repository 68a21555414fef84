/**
 * tfjs-core's own published tests on our webgpu backend, with the repairs. Each appears as one test; Jasmine runs them in
 * their order, and each waits here for its result.
 */
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { skipNote } from '../support/requires.js';
import { loadTests } from './bundle.js';
import type { SpecResult, SuiteOrSpec } from './jasmine.js';
import { knownFailures } from './known-failures.js';

vi.setConfig({ testTimeout: 0 });

/** Not asked of our own modules: every copy of tfjs in a process shares one registry of kernels. */
const loaded = await loadTests().catch((error: Error) => {
  if (!error.message.startsWith('useBackend')) throw error;
  return error.message;
});

if (typeof loaded !== 'string') {
  const environment = loaded;
  const results = new Map<string, SpecResult>();
  const waiting = new Map<string, (result: SpecResult) => void>();
  environment.addReporter({
    specDone(result) {
      results.set(result.id, result);
      waiting.get(result.id)?.(result);
    },
  });
  const resultOf = (id: string) =>
    results.get(id) ?? new Promise<SpecResult>((resolve) => waiting.set(id, resolve));
  let finished: ReturnType<typeof environment.execute>;
  beforeAll(() => {
    // What tfjs has to say about slow ways of using it.
    vi.spyOn(console, 'warn').mockImplementation(() => {});
    finished = environment.execute();
  });

  const names = new Set<string>();
  const declare = (node: SuiteOrSpec, above: string[]): void => {
    // tfjs adds the environment to the names of its suites.
    const own = node.description.replace(/ webgpu \{.*\}$/, '');
    if (node.children) {
      describe(own, () => {
        for (const child of node.children!) declare(child, [...above, own]);
      });
      return;
    }
    const name = [...above, own].join(' > ');
    names.add(name);
    const reason = knownFailures[name];
    it(reason ? `${own} (fails: ${reason})` : own, async () => {
      const { status, failedExpectations } = await resultOf(node.id);
      if (reason) expect(status, 'the list of known failures is stale').toBe('failed');
      else expect(failedExpectations.map(({ message }) => message)).toEqual([]);
    });
  };
  for (const child of environment.topSuite().children!) declare(child, []);

  describe('all of tfjs-core', () => {
    it('ran, but for what tfjs itself leaves out', async () => {
      const { failedExpectations } = await finished;
      expect(failedExpectations).toEqual([]);
      const count = (status: SpecResult['status']) =>
        [...results.values()].filter((result) => result.status === status).length;
      console.log(
        `tfjs-core: ${count('passed')} of ${results.size - count('pending')} of its tests pass on webgpu`,
      );
      expect(results.size).toBeGreaterThan(4100);
      expect(count('failed')).toBe(Object.keys(knownFailures).length);
      expect(count('excluded')).toBe(0);
    });
    it('has every test that is listed as failing', () => {
      expect(Object.keys(knownFailures).filter((name) => !names.has(name))).toEqual([]);
    });
  });
} else {
  it(`tfjs-core on webgpu ${skipNote('webgpu', loaded)}`, (context) => context.skip(loaded));
}
