/**
 * Sums up a test run: per suite (a folder of test/) what passed, failed and was skipped, every skip with its reason. A
 * skip without a reason, or for want of a part that the setup reported as ready, is a failure: otherwise a broken tool
 * would pass for an absent one. Names the files that cost most: what they take, every run takes.
 */
import path from 'node:path';
import { formatCount } from '../../src/display/format.js';
import { partNames, type SetupReport } from '../setup/part.js';
import type { TestReport } from './reporter.js';

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
  /** The files that took longest, the longest first. */
  dearest: { file: string; seconds: number }[];
  /** What all files took, one after the other. */
  seconds: number;
  passed: number;
  failed: number;
  skipped: number;
}

/** How many of the dearest files are named. */
const dearestFiles = 10;

/** At the end of the title of a test or of a suite around it. */
const skipNote = /\s*\[(?:needs ([\w-]+): |skipped: )(.+)\]$/;

/** Sums up a report. `testFolder` is the absolute path of test/. */
export function summarise(report: TestReport, setup: SetupReport, testFolder: string): Summary {
  const suites = new Map<string, SuiteCount>();
  const skips = new Map<string, Summary['skips'][number]>();
  const failures: string[] = [];
  for (const file of report.files) {
    const fileName = nameOf(file.name, testFolder);
    const suite = fileName.includes('/') ? fileName.slice(0, fileName.indexOf('/')) : '(top)';
    const count = suites.get(suite) ?? { suite, passed: 0, failed: 0, skipped: 0 };
    suites.set(suite, count);
    const fail = (title: string) => {
      count.failed++;
      failures.push(`${fileName}: ${title}`);
    };
    for (const { titles, state, note } of file.tests) {
      if (state === 'passed') count.passed++;
      else if (state === 'failed') fail(titles.join(' > '));
      else if (state === 'pending') fail(`${titles.join(' > ')} did not end`);
      else {
        const skip = explainSkip(titles, note);
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
    for (const error of file.errors) fail(`the file failed: ${error}`);
  }
  const rows = [...suites.values()].sort((a, b) => (a.suite < b.suite ? -1 : 1));
  const total = (column: 'passed' | 'failed' | 'skipped') => rows.reduce((sum, row) => sum + row[column], 0);
  const outside = report.errors.map((error) => `outside of any test: ${error}`);
  return {
    suites: rows,
    skips: [...skips.values()],
    failures: [...failures, ...outside],
    dearest: report.files
      .map(({ name, seconds }) => ({ file: nameOf(name, testFolder), seconds }))
      .sort((a, b) => b.seconds - a.seconds)
      .slice(0, dearestFiles),
    seconds: report.files.reduce((sum, { seconds }) => sum + seconds, 0),
    passed: total('passed'),
    failed: total('failed') + outside.length,
    skipped: total('skipped'),
  };
}

const nameOf = (file: string, testFolder: string): string =>
  path.relative(testFolder, file).split(path.sep).join('/');

/** The reason stands in a title, or is the note that the test gave while it ran. */
function explainSkip(
  titles: string[],
  note: string | undefined,
): { title: string; reason: string; part?: string } | undefined {
  for (const [index, title] of titles.entries()) {
    const match = skipNote.exec(title);
    if (!match) continue;
    const plain = [...titles.slice(0, index), title.slice(0, match.index)].join(' > ');
    return { title: plain, part: match[1], reason: match[1] ? `needs ${match[1]}: ${match[2]}` : match[2]! };
  }
  return note ? { title: titles.join(' > '), reason: note } : undefined;
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
  for (const reason of new Set(summary.skips.map((skip) => skip.reason))) {
    lines.push('', `Skipped, ${reason}`);
    for (const { suite, title, tests } of summary.skips.filter((skip) => skip.reason === reason))
      lines.push(`  ${suite}: ${title} (${formatCount(tests, 'test')})`);
  }
  const { dearest, seconds } = summary;
  if (dearest.length > 0) {
    lines.push('', `The dearest files, of ${seconds.toFixed(0)} s of all files together`);
    for (const one of dearest) lines.push(`  ${one.seconds.toFixed(1).padStart(7)} s  ${one.file}`);
  }
  if (summary.failures.length > 0)
    lines.push('', 'Failed:', ...summary.failures.map((failure) => `  ${failure}`));
  lines.push('', `${summary.passed} passed, ${summary.failed} failed, ${summary.skipped} skipped`);
  return lines.join('\n');
}
