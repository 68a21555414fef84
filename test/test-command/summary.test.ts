import { describe, expect, it } from 'vitest';
import { partNames, type SetupReport } from '../../scripts/setup/part.js';
import { formatSummary, summarise, type VitestReport } from '../../scripts/test/summary.js';
import { skipNote } from '../support/requires.js';

const setup = Object.fromEntries(
  partNames.map((name) => [name, { name, ready: name !== 'webgpu', reason: 'as the test wants it' }]),
) as SetupReport;
const file = (name: string, tests: [title: string, status: string][], status = 'passed', message = '') => ({
  name: `/p/test/${name}`,
  status,
  message,
  assertionResults: tests.map(([title, state]) => {
    const titles = title.split(' > ');
    return { ancestorTitles: titles.slice(0, -1), title: titles.at(-1)!, status: state };
  }),
});
const sum = (...testResults: VitestReport['testResults']) => summarise({ testResults }, setup, '/p/test');

describe('the summary of a test run', () => {
  it('counts per suite and ends in the plain line', () => {
    const summary = sum(
      file('norm/a.test.ts', [['a > works', 'passed']]),
      file(
        'norm/b.test.ts',
        [
          ['b > works', 'passed'],
          ['b > fails', 'failed'],
        ],
        'failed',
      ),
      file('plot/c.test.ts', [['c', 'passed']]),
    );
    expect(summary.suites).toEqual([
      { suite: 'norm', passed: 2, failed: 1, skipped: 0 },
      { suite: 'plot', passed: 1, failed: 0, skipped: 0 },
    ]);
    expect(summary.failures).toEqual(['norm/b.test.ts: b > fails']);
    expect(formatSummary(summary).split('\n').at(-1)).toBe('3 passed, 1 failed, 0 skipped');
  });

  it('names every skipped suite once, with its reason and number of tests', () => {
    const title = `on the GPU ${skipNote('webgpu', 'error: no driver [for this card]')}`;
    const summary = sum(
      file('norm/a.test.ts', [
        [`${title} > one`, 'skipped'],
        [`${title} > two`, 'skipped'],
      ]),
    );
    expect(summary.skips).toEqual([
      {
        suite: 'norm',
        title: 'on the GPU',
        reason: 'needs webgpu: error: no driver [for this card]',
        tests: 2,
      },
    ]);
    expect(formatSummary(summary)).toContain(
      '  norm: on the GPU (2 tests): needs webgpu: error: no driver [for this card]',
    );
    expect(summary).toMatchObject({ passed: 0, failed: 0, skipped: 2 });
  });

  it('fails a skip without a reason, and one for want of what is there', () => {
    const summary = sum(
      file('norm/a.test.ts', [
        ['quietly', 'skipped'],
        [`browser ${skipNote('chromium', 'gone')} > one`, 'skipped'],
      ]),
    );
    expect(summary).toMatchObject({ failed: 2, skipped: 0 });
    expect(summary.failures[0]).toContain('quietly was skipped without a reason');
    expect(summary.failures[1]).toContain('the setup reported chromium as ready');
  });

  it('counts a file that could not be loaded', () => {
    const summary = sum(file('norm/a.test.ts', [], 'failed', "Cannot find module './gone.js'\n at x"));
    expect(summary.failures).toEqual(["norm/a.test.ts: the file failed: Cannot find module './gone.js'"]);
    expect(summary.failed).toBe(1);
  });
});
