/** What the terminal shows: a live line on a TTY, plain lines elsewhere, the table and the failures at the end. */
import { describe, expect, it } from 'vitest';
import { terminalProgress } from '../../scripts/run/progress.js';
import { describeResult, duration, failureReport, summaryTable } from '../../scripts/run/report.js';
import type { NotebookResult } from '../../scripts/run/result.js';

const result = (more: Partial<NotebookResult> = {}): NotebookResult => ({
  name: 'a.ipynb',
  output: 'out/a.ipynb',
  verdict: 'passed',
  failure: undefined,
  ran: 3,
  cells: 3,
  verifications: [],
  devices: [],
  seconds: 1.25,
  peakMemory: undefined,
  ...more,
});
const failed = result({
  name: 'longer-name.ipynb',
  verdict: 'error',
  ran: 2,
  failure: {
    verdict: 'error',
    cell: { number: 4, id: 'check', executionCount: 2 },
    ename: 'VerificationError',
    evalue: 'off by one',
  },
  verifications: [
    { name: 'rope.half', passed: true },
    { name: 'rope.interleaved', passed: false },
  ],
  peakMemory: 3 * 2 ** 20,
});

class Screen {
  text = '';
  columns = 40;
  constructor(readonly isTTY: boolean) {}
  write(text: string): void {
    this.text += text;
  }
  /** The lines as a terminal shows them after all carriage returns and erasures. */
  get lines(): string[] {
    return this.text.split('\n').map((line) => line.split('\r\u001b[K').at(-1) ?? '');
  }
}

describe('progress', () => {
  it('is one line per finished notebook where there is no terminal', () => {
    const screen = new Screen(false);
    const progress = terminalProgress(screen);
    progress.start(['a.ipynb', 'longer-name.ipynb']);
    progress.begin('a.ipynb');
    progress.cell('a.ipynb', 1, 3);
    expect(screen.text).toBe('');
    progress.end(result());
    progress.end(failed);
    progress.stop();
    expect(screen.text).toBe(
      '[1/2] a.ipynb  passed  (3/3 cells, 1.3 s)\n[2/2] longer-name.ipynb  error in cell 4: VerificationError  (2/3 cells, 1.3 s)\n',
    );
  });

  it('is a live line on a terminal, no longer than the window, gone at the end', () => {
    const screen = new Screen(true);
    const progress = terminalProgress(screen);
    progress.start(['a.ipynb', 'b.ipynb']);
    progress.begin('a.ipynb');
    expect(screen.lines.at(-1)).toMatch(/^\[0\/2\] a\.ipynb starting its kernel 0\.0 s$/);
    progress.cell('a.ipynb', 1, 3);
    expect(screen.lines.at(-1)).toMatch(/^\[0\/2\] a\.ipynb cell 2\/3 0\.\d s$/);
    progress.begin('b.ipynb');
    expect(screen.lines.at(-1)).toMatch(/^\[0\/2\] a\.ipynb cell 2\/3 .*\| {2}b\.i/);
    expect(screen.lines.at(-1)!.length).toBeLessThan(screen.columns);
    progress.note('a word');
    expect(screen.lines.at(-2)).toBe('a word');
    progress.end(result());
    expect(screen.lines.at(-2)).toBe('[1/2] a.ipynb  passed  (3/3 cells, 1.3 s)');
    progress.stop();
    expect(screen.lines.at(-1)).toBe('');
  });

  it('shortens long names so that the cell of every running notebook is seen', () => {
    const screen = new Screen(true);
    screen.columns = 80;
    const progress = terminalProgress(screen);
    const names = ['a-folder/with/the-first-long-name.ipynb', 'a-folder/with/the-second-long-name.ipynb'];
    progress.start(names);
    for (const name of names) progress.begin(name);
    progress.cell(names[0]!, 11, 20);
    progress.cell(names[1]!, 0, 9);
    expect(screen.lines.at(-1)).toMatch(
      /^\[0\/2\] ….+name\.ipynb cell 12\/20 0\.\d s {2}\| {2}….+name\.ipynb cell 1\/9 0\.\d s$/,
    );
    expect(screen.lines.at(-1)!.length).toBeLessThan(80);
    progress.stop();
  });
});

describe('the report', () => {
  it('is a table with columns in line', () => {
    const lines = summaryTable([result(), failed]).split('\n');
    expect(lines).toEqual([
      'notebook           cells        verified   time  peak memory  verdict',
      'a.ipynb              3/3               -  1.3 s            -  passed',
      'longer-name.ipynb    2/3  1 ok, 1 failed  1.3 s        3 MiB  error',
    ]);
  });

  it('names notebook, cell, error and component', () => {
    expect(failureReport([result(), failed])).toBe(
      [
        'FAILED longer-name.ipynb, cell 4 (In [2]) "check": VerificationError: off by one',
        '  not verified: rope.interleaved',
        '  outputs so far: out/a.ipynb',
      ].join('\n'),
    );
    expect(failureReport([result()])).toBe('');
  });

  it('gives the terminal no instructions, and cuts what nobody reads', () => {
    const failure = {
      ...failed.failure!,
      ename: 'Two\nlines',
      evalue: `\x1b[31mred\x1b[0m\b ${'x'.repeat(1e6)} end`,
    };
    for (const text of [failureReport([{ ...failed, failure }]), describeResult({ ...failed, failure })]) {
      expect(text).toContain('Two lines');
      // biome-ignore lint/suspicious/noControlCharactersInRegex: that is what is looked for
      expect(text).not.toMatch(/[\0-\x08\x0b-\x1f]/);
      expect(text.length).toBeLessThan(3_000);
    }
    expect(failureReport([{ ...failed, failure }])).toMatch(/red.*characters left out.* end/s);
  });

  it.each([
    [0, '0.0 s'],
    [9.94, '9.9 s'],
    [9.96, '10 s'],
    [59.6, '1 min 0 s'],
    [60, '1 min 0 s'],
    [119.7, '2 min 0 s'],
    [3661, '61 min 1 s'],
  ])('shows %d seconds as %s', (seconds, text) => {
    expect(duration(seconds)).toBe(text);
  });
});
