/** Whole notebooks against their golden cells, settings in metadata, budgets. */
import { describe, expect, it, test } from 'vitest';
import type { CodeCell, Notebook } from '../../scripts/notebook/format.js';
import { checkBudgets, describeBudget } from '../../scripts/regression/budgets.js';
import { describeDifference } from '../../scripts/regression/difference.js';
import { compareGolden, updateGolden } from '../../scripts/regression/golden.js';
import { budgetsOf, checkSettings, goldenSettings } from '../../scripts/regression/settings.js';

interface Made {
  id: string;
  text?: string;
  status?: string;
  own?: Record<string, unknown>;
  tags?: string[];
  seconds?: number;
}

function notebook(cells: Made[], own?: Record<string, unknown>): Notebook {
  return {
    nbformat: 4,
    nbformat_minor: 5,
    metadata: own ? { kernelbook: own } : {},
    cells: cells.map(({ id, text, status = 'completed', own: kernelbook, tags = [], seconds }): CodeCell => {
      const metadata = { tags, papermill: { status, duration: seconds }, ...(kernelbook && { kernelbook }) };
      const outputs = text === undefined ? [] : [{ output_type: 'stream' as const, name: 'stdout', text }];
      return { cell_type: 'code', id, metadata, source: '', execution_count: 1, outputs };
    }),
  };
}

/** `id: difference` of everything that differs. */
function told(cells: Made[], golden: Made[]): string[] {
  const { cells: differing } = compareGolden(notebook(cells), updateGolden(notebook(golden), []).cells);
  return differing.flatMap(({ number, id, differences }) =>
    differences.map((one) => `${number} ${id}: ${describeDifference(one)}`),
  );
}

describe('comparing', () => {
  it('names the cell by number and id', () => {
    const golden = [
      { id: 'a', text: '1' },
      { id: 'b', text: '2' },
    ];
    expect(told(golden, golden)).toEqual([]);
    expect(told([golden[0]!, { id: 'b', text: '3' }], golden)).toEqual([
      '2 b: stdout line 1, column 1: 3, golden 2, difference 1, tolerance 0',
    ]);
  });

  it('tells outputs that are missing, cells without golden outputs, and golden outputs without a cell', () => {
    const golden = [
      { id: 'a', text: '1' },
      { id: 'old', text: '2' },
    ];
    expect(told([{ id: 'a' }, { id: 'new', text: '2' }, { id: 'silent' }], golden)).toEqual([
      '1 a: whole output: nothing, golden {"stdout":"1"}',
      '2 new: whole output: {"stdout":"2"}, golden nothing',
      'undefined old: the cell: not in the notebook, golden its outputs (--update drops them)',
    ]);
  });

  it('follows cells that were moved', () => {
    const [a, b] = [
      { id: 'a', text: '1' },
      { id: 'b', text: '2' },
    ];
    expect(told([b, a], [a, b])).toEqual([]);
  });

  it('compares what ran before a failure, and misses nothing after it', () => {
    const golden = [
      { id: 'a', text: '1' },
      { id: 'b', text: '2' },
      { id: 'c', text: '3' },
    ];
    const failed = [
      { id: 'a', text: '1.5' },
      { id: 'b', status: 'failed' },
      { id: 'c', status: 'pending' },
    ];
    expect(told(failed, golden)).toEqual([
      '1 a: stdout line 1, column 1: 1.5, golden 1, difference 0.5, tolerance 1.62e-5',
    ]);
  });

  it('leaves out cells that say so and injected ones, also where golden outputs exist', () => {
    const golden = [{ id: 'a', text: '1' }];
    expect(told([{ id: 'a', text: '2', own: { golden: { skip: true } } }], golden)).toEqual([]);
    expect(told([...golden, { id: 'p', text: '5', tags: ['injected-parameters'] }], golden)).toEqual([]);
    expect(told([{ id: 'a', text: '1.01', own: { golden: { rtol: 0.02 } } }], golden)).toEqual([]);
  });
});

test('updating changes only what differs, and says what', () => {
  const before = updateGolden(
    notebook([
      { id: 'a', text: '1.0000001' },
      { id: 'b', text: '2' },
      { id: 'gone', text: '' },
    ]),
    [],
  );
  expect(before.added).toEqual(['a', 'b', 'gone']);
  const after = updateGolden(
    notebook([
      { id: 'b', text: '3' },
      { id: 'c', text: '4' },
      { id: 'a', text: '1.0000002' },
    ]),
    before.cells,
  );
  expect(after).toEqual({
    cells: [
      { cell: 'b', outputs: [{ stdout: '3' }] },
      { cell: 'c', outputs: [{ stdout: '4' }] },
      { cell: 'a', outputs: [{ stdout: '1.0000001' }] },
    ],
    changed: ['b'],
    added: ['c'],
    removed: ['gone'],
  });
  // A cell this machine cannot run keeps what another machine gave.
  const skipped = updateGolden(notebook([{ id: 'b', status: 'pending' }]), before.cells);
  expect(skipped.cells).toEqual([{ cell: 'b', outputs: [{ stdout: '2' }] }]);
});

describe('settings', () => {
  const of = (own?: Record<string, unknown>, common?: Record<string, unknown>) => {
    const book = notebook([{ id: 'a', own: { golden: own } }], { golden: common });
    return goldenSettings(book, book.cells[0]!);
  };

  it('of a cell go before those of the notebook, and ignore-patterns add up', () => {
    const { tolerance, ignore } = of({ rtol: 1e-3, ignore: ['b'] }, { rtol: 1, atol: 2, ignore: ['a'] });
    expect(tolerance).toEqual({ rtol: 1e-3, atol: 2, ulp: 0, exactCounts: false });
    expect(ignore.map(String)).toEqual(['/a/gu', '/b/gu']);
    expect(of({ ulp: 4 }).tolerance).toEqual({ atol: 0, rtol: 0, ulp: 4, exactCounts: false });
  });

  test.each<[string, Record<string, unknown>, RegExp]>([
    [
      'a misspelt setting',
      { golden: { rtoll: 1 } },
      /cell "a": kernelbook.golden has no setting rtoll, did you mean rtol\?/,
    ],
    ['a negative tolerance', { golden: { atol: -1 } }, /atol must be a number >= 0/],
    ['a tolerance in words', { golden: { ulp: '4' } }, /ulp must be a number >= 0/],
    ['no switch', { golden: { skip: 'yes' } }, /skip must be true or false/],
    ['a broken pattern', { golden: { ignore: ['('] } }, /"\(" is no regular expression/],
    ['a pattern that is no list', { golden: { ignore: 'x' } }, /ignore must be a list/],
    ['no object', { golden: true }, /must be an object/],
    ['a budget in words', { 'max-seconds': 'ten' }, /max-seconds is "ten", not a number of seconds/],
    ['a size without sense', { 'max-memory': '2 apples' }, /max-memory is "2 apples", not a size/],
  ])('%s is refused', (_what, own, message) => {
    expect(() => checkSettings(notebook([{ id: 'a', own }]))).toThrow(message);
  });

  it('reads budgets', () => {
    expect(budgetsOf({ kernelbook: { 'max-memory': '1GiB', 'max-seconds': 2 } }, '')).toEqual({
      maxMemory: 2 ** 30,
      maxSeconds: 2,
    });
  });
});

test('budgets of notebook and cells are held against what was measured', () => {
  const book = notebook(
    [
      { id: 'quick', seconds: 1, own: { 'max-seconds': 2 } },
      { id: 'slow', seconds: 3, own: { 'max-seconds': 2, 'max-memory': '1MiB' } },
      { id: 'never', status: 'pending', own: { 'max-seconds': 2 } },
    ],
    { 'max-seconds': 100, 'max-memory': '2GiB' },
  );
  const measured = { seconds: 5, peakMemory: undefined, cellPeaks: new Map([['slow', 2 ** 21]]) };
  const results = checkBudgets(book, measured, { maxSeconds: 4 });
  expect(results.map((one) => `${one.cell?.id ?? 'all'}, ${describeBudget(one)}`)).toEqual([
    'all, max-seconds: 5 s, over the budget of 4 s',
    'all, max-memory: not measured on this system, budget 2 GiB',
    'quick, max-seconds: 1 s, within the budget of 2 s',
    'slow, max-seconds: 3 s, over the budget of 2 s',
    'slow, max-memory: 2 MiB, over the budget of 1 MiB',
  ]);
  expect(results.map((one) => one.exceeded)).toEqual([true, false, false, true, true]);
});
