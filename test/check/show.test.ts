/** What a run shows of the warnings that the check before it has found. */
import { afterEach, expect, it, vi } from 'vitest';
import type { CheckedNotebook, Finding } from '../../scripts/check/finding.js';
import { showTypeErrors } from '../../scripts/check/show.js';

afterEach(() => {
  vi.restoreAllMocks();
});

const warning = (name: string): Finding => ({
  severity: 'warning',
  code: 'unused-name',
  message: `'${name}' is declared but nothing uses it.`,
  cell: { number: 1, id: 'a' },
  start: 0,
  length: 1,
  line: 1,
  column: 1,
  pretty: `a.ipynb cell 1 "a":1:1 - \u001b[93mwarning\u001b[0m unused-name: '${name}'`,
});
const checked = (name: string, ...findings: Finding[]): CheckedNotebook => ({
  name,
  path: `/${name}`,
  notebook: { nbformat: 4, nbformat_minor: 5, metadata: {}, cells: [] },
  findings,
  files: [],
});

async function shown(...notebooks: CheckedNotebook[]): Promise<string> {
  const log = vi.spyOn(console, 'log').mockImplementation(() => {});
  await showTypeErrors(notebooks, false);
  return log.mock.calls.flat().join('\n');
}

it('is nothing where there are none, all of a few, and the first of many', async () => {
  expect(await shown(checked('a.ipynb'))).toBe('');
  const few = await shown(checked('a.ipynb', warning('one')), checked('b.ipynb', warning('two')));
  expect(few).toContain("unused-name: 'one'");
  expect(few).toContain("unused-name: 'two'");
  expect(few).toMatch(/\n\nChecked: no errors in 2 notebooks, 2 warnings\.$/);
  vi.restoreAllMocks();
  const many = await shown(
    checked('a.ipynb', warning('one'), warning('two')),
    checked('b.ipynb', warning('three'), warning('four'), warning('five')),
  );
  expect(many.match(/unused-name: '(\w+)'/g)).toHaveLength(3);
  expect(many).toMatch(
    /'three'[^']*\nChecked: no errors in 2 notebooks, 5 warnings; kernelbook check shows them all\.$/,
  );
});
