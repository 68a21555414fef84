/** The table of the conformance suite: what counts, and that names of kernels cannot break it. */
import { expect, test } from 'vitest';
import { conformanceMarkdown, totals } from '../../scripts/conformance/report.js';
import type { KernelResult, Verdict } from '../../scripts/conformance/run-suite.js';

const kernel = (name: string, verdicts: Verdict[]): KernelResult => ({
  kernel: name,
  implementation: 'made|up',
  version: '1',
  languageVersion: 'none 1',
  protocol: '5.0',
  interruptMode: 'signal',
  messages: 3,
  results: verdicts.map((verdict, index) => ({
    group: index < 2 ? 'one' : 'two',
    check: `rule ${index}`,
    section: 'A section',
    verdict,
    ...(verdict === 'pass' ? {} : { why: `reason\nof ${name}` }),
    seconds: 0,
  })),
});

test('n/a is neither a pass nor a failure, and every other verdict says why', () => {
  const one = kernel('one', ['pass', 'fail', 'n/a']);
  expect(totals(one)).toEqual({ pass: 1, fail: 1, notApplicable: 1 });
  const markdown = conformanceMarkdown({
    command: 'kernelbook conformance one two',
    measuredAt: '2024-01-02',
    commit: 'abc',
    machine: { platform: 'p', cpu: 'c', node: 'v1' },
    kernels: [one, kernel('two', ['pass', 'pass', 'pass'])],
  });
  const table = markdown.split('\n').filter((line) => line.startsWith('|'));
  expect(table).toEqual([
    '| check | one | two |',
    '| --- | :-: | :-: |',
    '| **one** |  |  |',
    '| rule 0 | pass | pass |',
    '| rule 1 | **FAIL** | pass |',
    '| **two** |  |  |',
    '| rule 2 | n/a | pass |',
    '| **total** | **1 of 2** | **3 of 3** |',
  ]);
  expect(markdown).toContain('- **FAIL** rule 1 (A section): reason of one');
  expect(markdown).toContain('- n/a rule 2 (A section): reason of one');
  expect(markdown).toContain('made\\|up');
  expect(markdown).not.toContain('## two');
});
