import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { packageRoot } from '../../kernel/package-root.js';
import {
  collectCoverage,
  type LedgerRow,
  readCoverageInputs,
  renderCoverage,
} from '../../scripts/coverage.js';
import type { Cell, Notebook } from '../../scripts/notebook/format.js';

const ledger: LedgerRow[] = [
  { id: 'A.1', title: 'first', topic: 'one', errata: ['E1'] },
  { id: 'A.2', title: 'second', topic: 'one' },
  { id: 'B.1', title: 'third', topic: 'two', errata: ['E2'] },
];

function cell(type: 'code' | 'markdown', id: string, rows: string[], errata: string[] = []): Cell {
  const metadata = { kernelbook: { ledger: rows, errata } };
  return type === 'markdown'
    ? { cell_type: type, id, metadata, source: '' }
    : { cell_type: type, id, metadata, source: '', execution_count: null, outputs: [] };
}

function coverageOf(...cells: Cell[]) {
  const notebook: Notebook = { cells, metadata: {}, nbformat: 4, nbformat_minor: 5 };
  return collectCoverage(ledger, [{ file: 'n.ipynb', notebook }]);
}

test('rows and errata are found with their cells, in order', () => {
  const coverage = coverageOf(
    cell('markdown', 'front', ['A.1', 'A.2'], ['E1']),
    cell('markdown', 'question', ['A.1', 'A.2']),
    cell('code', 'mistake', ['A.1'], ['E1']),
  );
  expect(coverage.problems).toEqual([]);
  expect(coverage.rows.get('A.1')).toEqual(['n.ipynb#question', 'n.ipynb#mistake']);
  const page = renderCoverage(ledger, coverage);
  expect(page).toContain('| one | 2 | 2 | 1 | 1 |');
  expect(page).toContain('| two | 1 | 0 | 1 | 0 |');
  expect(page).toContain('| **all** | 3 | 2 | 2 | 1 |');
  expect(page).toContain('Not yet covered: B.1.');
});

test.each([
  [
    'a promised row without a cell',
    [cell('markdown', 'front', ['A.2'])],
    'n.ipynb: its first cell promises A.2, but no cell has it',
  ],
  [
    'a row the first cell does not name',
    [cell('markdown', 'front', []), cell('code', 'c', ['A.2'])],
    'n.ipynb: its first cell does not name A.2, which a cell has',
  ],
  [
    'a row that is no row',
    [cell('markdown', 'front', ['A.9']), cell('code', 'c', ['A.9'])],
    'n.ipynb#c: A.9 is in no row of docs/ledger.json',
  ],
  [
    'an erratum that is only told',
    [cell('markdown', 'front', ['A.1'], ['E1']), cell('markdown', 'c', ['A.1'], ['E1'])],
    'n.ipynb#c: E1 must be executed, but the cell is markdown',
  ],
  [
    'a covered row whose erratum is missing',
    [cell('markdown', 'front', ['B.1']), cell('code', 'c', ['B.1'])],
    'B.1 is covered, but its erratum E2 is executed nowhere',
  ],
])('%s is a problem', (_name, cells, problem) => {
  expect(coverageOf(...cells).problems).toContain(problem);
});

test('the committed page is what the committed notebooks give', async () => {
  const inputs = await readCoverageInputs();
  const coverage = collectCoverage(inputs.ledger, inputs.notebooks);
  expect(coverage.problems).toEqual([]);
  const page = await readFile(join(packageRoot(), 'docs', 'coverage.md'), 'utf8');
  expect(page === renderCoverage(inputs.ledger, coverage), 'stale: run `kernelbook coverage`').toBe(true);
});
