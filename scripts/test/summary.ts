/**
 * Reads Vitest's JSON report and sums it up: per suite (a folder of test/) what passed, failed and was skipped, every
 * skip with its reason. A skip without a reason, or for want of a part that the setup reported as ready, is a failure:
 * otherwise a broken tool would pass for an absent one.
 */
import path from 'node:path';
import { partNames, type SetupReport } from '../setup/part.js';

/** The part of Vitest's JSON reporter output that is read here. */
export interface VitestReport {
  testResults: {
    name: string;
    status: string;
    message?: string;
    assertionResults: { ancestorTitles: string[]; title: string; status: string }[];
  }[];
}

export interface SuiteCount {
  suite: string;
  passed: number;
  failed: number;
  skipped: number;
}

export interface Summary {
  suites: SuiteCount[];
  /** One entry per skipped suite and reason. */
  skips: { suite: string; title: string; reason: string; tests: number }[];
  /** One line per failure, named file and test. */
  failures: string[];
  passed: number;
  failed: number;
  skipped: number;
}

const skipNote = /\s*\[(?:needs ([\w-]+): |skipped: )(.+)\]$/;

/** Sums up a report. `testFolder` is the absolute path of test/. */
export function summarise(report: VitestReport, setup: SetupReport, testFolder: string): Summary {
  const suites = new Map<string, SuiteCount>();
  const skips = new Map<string, Summary['skips'][number]>();
  const failures: string[] = [];
  for (const file of report.testResults) {
    const fileName = path.relative(testFolder, file.name).split(path.sep).join('/');
    const suite = fileName.includes('/') ? fileName.slice(0, fileName.indexOf('/')) : '(top)';
    const count = suites.get(suite) ?? { suite, passed: 0, failed: 0, skipped: 0 };
    suites.set(suite, count);
    const fail = (title: string) => {
      count.failed++;
      failures.push(`${fileName}: ${title}`);
    };
    for (const test of file.assertionResults) {
      const titles = [...test.ancestorTitles.filter((title) => title !== ''), test.title];
      if (test.status === 'passed') count.passed++;
      else if (test.status === 'failed') fail(titles.join(' > '));
      else {
        const skip = explainSkip(titles);
        if (!skip) fail(`${titles.join(' > ')} was skipped without a reason`);
        else if (skip.part && isReady(setup, skip.part)) {
          fail(`${titles.join(' > ')} was skipped, but the setup reported ${skip.part} as ready`);
        } else {
          count.skipped++;
          const key = `${suite}\n${skip.title}\n${skip.reason}`;
          const entry = skips.get(key) ?? { suite, title: skip.title, reason: skip.reason, tests: 0 };
          entry.tests++;
          skips.set(key, entry);
        }
      }
    }
    // A file that cannot be loaded, or whose hooks throw, has no failed test of its own.
    const tests = file.assertionResults;
    if (file.status === 'failed' && !tests.some(({ status }) => status === 'failed')) {
      fail(`the file failed: ${(file.message ?? '').split('\n')[0]}`);
    }
  }
  const rows = [...suites.values()].sort((a, b) => (a.suite < b.suite ? -1 : 1));
  const total = (column: 'passed' | 'failed' | 'skipped') => rows.reduce((sum, row) => sum + row[column], 0);
  return {
    suites: rows,
    skips: [...skips.values()],
    failures,
    passed: total('passed'),
    failed: total('failed'),
    skipped: total('skipped'),
  };
}

/** The reason stands at the end of the title of the test or of a suite around it. */
function explainSkip(titles: string[]): { title: string; reason: string; part?: string } | undefined {
  for (const [index, title] of titles.entries()) {
    const note = skipNote.exec(title);
    if (!note) continue;
    const plain = [...titles.slice(0, index), title.slice(0, note.index)].join(' > ');
    return { title: plain, part: note[1], reason: note[1] ? `needs ${note[1]}: ${note[2]}` : note[2]! };
  }
  return undefined;
}

const isReady = (setup: SetupReport, part: string): boolean =>
  partNames.some((name) => name === part && setup[name].ready);

/** The summary as lines of text; the last one is the plain count. */
export function formatSummary(summary: Summary): string {
  const width = Math.max(5, ...summary.suites.map(({ suite }) => suite.length));
  const row = (suite: string, cells: (string | number)[]) =>
    `  ${suite.padEnd(width)}${cells.map((cell) => String(cell).padStart(9)).join('')}`;
  const lines = [row('suite', ['passed', 'failed', 'skipped'])];
  for (const { suite, passed, failed, skipped } of summary.suites)
    lines.push(row(suite, [passed, failed, skipped]));
  if (summary.skips.length > 0) lines.push('', 'Skipped:');
  for (const { suite, title, reason, tests } of summary.skips) {
    lines.push(`  ${suite}: ${title} (${tests} ${tests === 1 ? 'test' : 'tests'}): ${reason}`);
  }
  if (summary.failures.length > 0)
    lines.push('', 'Failed:', ...summary.failures.map((failure) => `  ${failure}`));
  lines.push('', `${summary.passed} passed, ${summary.failed} failed, ${summary.skipped} skipped`);
  return lines.join('\n');
}
