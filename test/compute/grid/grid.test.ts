/**
 * Every operation that is registered, on every backend, with every dtype and number of axes it takes, with NaN, infinities
 * and without elements, against plain loops in float64.
 */
import { describe, expect, it } from 'vitest';
import { tf } from '../../../src/compute/tf.js';
import { eachBackend } from '../backends.js';
import { all } from './all.js';
import type { GridCase } from './case.js';
import { difference } from './compare.js';
import { elsewhere } from './not-in-the-grid.js';

const byKernel = new Map<string, GridCase[]>();
for (const entry of all()) {
  const entries = byKernel.get(entry.kernel) ?? [];
  entries.push(entry);
  byKernel.set(entry.kernel, entries);
}

describe('the grid of operations', () => {
  eachBackend((name) => {
    it.each([...byKernel])('%s', { timeout: 0 }, async (_kernel, entries) => {
      const different: string[] = [];
      for (const entry of entries) {
        const problem = await difference(entry);
        if (problem) different.push(`${entry.name}: ${problem}`);
      }
      expect(different).toEqual([]);
    });

    it('holds every operation that is registered', () => {
      const registered = tf.getKernelsForBackend(name).map(({ kernelName }) => kernelName);
      expect(registered.filter((kernel) => !byKernel.has(kernel) && !elsewhere[kernel])).toEqual([]);
    });
  });

  it('does not list what it holds as being elsewhere', () => {
    expect(Object.keys(elsewhere).filter((kernel) => byKernel.has(kernel))).toEqual([]);
  });
});
