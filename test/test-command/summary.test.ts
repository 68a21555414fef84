import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { packageRoot, partNames, type SetupReport } from '../../scripts/setup/part.js';
import { type TestReport, testReportVariable } from '../../scripts/test/reporter.js';
import { formatSummary, summarise } from '../../scripts/test/summary.js';
import { skipNote } from '../support/requires.js';

const setup = Object.fromEntries(
  partNames.map((name) => [name, { name, ready: name !== 'webgpu', reason: 'as the test wants it' }]),
) as SetupReport;
type State = TestReport['files'][number]['tests'][number]['state'];
const file = (
  name: string,
  tests: [title: string, state: State, note?: string][],
  errors: string[] = [],
) => ({
  name: `/p/test/${name}`,
  seconds: 1,
  errors,
  tests: tests.map(([title, state, note]) => ({ titles: title.split(' > '), state, note })),
});
const sum = (...files: TestReport['files']) => summarise({ files, errors: [] }, setup, '/p/test');

describe('the summary of a test run', () => {
  it('counts per suite and ends in the plain line', () => {
    const summary = sum(
      file('norm/a.test.ts', [['a > works', 'passed']]),
      file('norm/b.test.ts', [
        ['b > works', 'passed'],
        ['b > fails', 'failed'],
      ]),
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
      'Skipped, needs webgpu: error: no driver [for this card]\n  norm: on the GPU (2 tests)\n',
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

  it('takes the note of a test that skipped itself', () => {
    const summary = sum(file('compute/a.test.ts', [['f16', 'skipped', 'this device has no shader-f16']]));
    expect(summary.skips).toEqual([
      { suite: 'compute', title: 'f16', reason: 'this device has no shader-f16', tests: 1 },
    ]);
  });

  it('names the ten files that took longest, and what all took', () => {
    const took = (seconds: number) => ({ ...file(`norm/f${seconds}.test.ts`, [['a', 'passed']]), seconds });
    const summary = sum(...[3, 12, 1, 250.04, 5, 6, 7, 8, 9, 10, 11, 2].map(took));
    expect(summary.dearest).toHaveLength(10);
    expect(summary.dearest.map(({ seconds }) => seconds)).toEqual([250.04, 12, 11, 10, 9, 8, 7, 6, 5, 3]);
    expect(formatSummary(summary)).toContain(
      '\nThe dearest files, of 324 s of all files together\n    250.0 s  norm/f250.04.test.ts\n     12.0 s  norm/f12.test.ts\n',
    );
    expect(formatSummary(summary)).not.toContain('norm/f2.test.ts');
  });

  it('counts a file that could not be loaded, and errors outside of any test', () => {
    const broken = file('norm/a.test.ts', [], ["Cannot find module './gone.js'"]);
    const summary = summarise({ files: [broken], errors: ['too late'] }, setup, '/p/test');
    expect(summary.failures).toEqual([
      "norm/a.test.ts: the file failed: Cannot find module './gone.js'",
      'outside of any test: too late',
    ]);
    expect(summary.failed).toBe(2);
  });
});

describe('the reporter', () => {
  it('tells every state, note and error of a real Vitest run, and what its files took', () => {
    const { status, text, report } = runWithReporter({
      'broken.test.ts': "throw new Error('at import');",
      'states.test.ts': `import { describe, expect, it } from 'vitest';
        describe('outer', () => {
          it('passes', () => new Promise((done) => setTimeout(done, 300)));
          it('fails', () => expect(1).toBe(2));
          it('skips itself', (context) => context.skip('no such device'));
          it.skip('is skipped', () => {});
        });`,
    });
    expect(status, text).toBe(1);
    const files = new Map(report.files.map((one) => [path.basename(one.name), one]));
    expect(files.get('broken.test.ts')).toMatchObject({ errors: ['at import'], tests: [] });
    expect(files.get('states.test.ts')).toMatchObject({
      errors: [],
      tests: [
        { titles: ['outer', 'passes'], state: 'passed' },
        { titles: ['outer', 'fails'], state: 'failed' },
        { titles: ['outer', 'skips itself'], state: 'skipped', note: 'no such device' },
        { titles: ['outer', 'is skipped'], state: 'skipped' },
      ],
    });
    expect(files.get('states.test.ts')!.seconds).toBeGreaterThan(0.29);
  });

  it('ends a run whose thread no limit of Vitest reaches, and says where it stood', () => {
    const { status, text, report } = runWithReporter(
      {
        'held.test.ts': `import { it } from 'vitest';
        it('passes', () => {});
        it('waits for ever', async () => {
          await new Promise((done) => setTimeout(done, 1000));
          Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
        });`,
      },
      { KERNELBOOK_TEST_SILENCE_MINUTES: '0.1' },
    );
    expect(status, text).toBe(1);
    const [error] = report.errors;
    expect(error).toContain('no test began or ended for 0.1 min');
    expect(error).toContain('held.test.ts > waits for ever');
    expect(text).toMatch(/process \d+ of \d+ \([RSD]\): .*vitest/);
    const { failures } = summarise({ files: report.files, errors: report.errors }, setup, '/p/test');
    expect(failures.join('\n')).toMatch(/held\.test\.ts: waits for ever did not end/);
  });
});

/** Runs test files, given by name and text, in a Vitest of its own. */
function runWithReporter(
  files: Record<string, string>,
  env: Record<string, string> = {},
): { status: number | null; text: string; report: TestReport } {
  mkdirSync(path.join(packageRoot, 'build'), { recursive: true });
  const folder = mkdtempSync(path.join(packageRoot, 'build', 'reporter-'));
  try {
    const all = { 'vitest.config.js': "export default { test: { pool: 'forks' } };", ...files };
    for (const [name, text] of Object.entries(all)) writeFileSync(path.join(folder, name), text);
    const output = path.join(folder, 'report.json');
    const vitest = path.join(packageRoot, 'node_modules', 'vitest', 'vitest.mjs');
    const reporter = path.join(packageRoot, 'scripts', 'test', 'reporter.ts');
    const child = spawnSync(process.execPath, [vitest, 'run', `--root=${folder}`, `--reporter=${reporter}`], {
      encoding: 'utf8',
      env: { PATH: process.env.PATH, [testReportVariable]: output, ...env },
    });
    const report = JSON.parse(readFileSync(output, 'utf8')) as TestReport;
    return { status: child.status, text: child.stdout + child.stderr, report };
  } finally {
    rmSync(folder, { recursive: true });
  }
}
