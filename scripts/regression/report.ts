/** What a run's report says of golden outputs and budgets. */
import { formatCount } from '../../src/display/format.js';
import { type BudgetResult, describeBudget } from './budgets.js';
import { describeDifference } from './difference.js';
import type { CellDifferences } from './golden.js';
import type { Regression } from './outcome.js';

/** Per cell; the rest is counted, and recorded in the executed notebook. */
const mostDifferences = 5;
const mostCells = 10;

/** The lines below the line of a failure: each differing cell with its differences, and each exceeded budget. */
export function regressionLines({ golden, budgets }: Regression): string[] {
  const lines = budgets
    .filter((one) => one.exceeded)
    .map((one) => `  ${one.cell ? `${place(one.cell)}, ` : ''}${describeBudget(one)}`);
  if (!golden || golden.cells.length === 0) return lines;
  const differ = golden.cells.length === 1 ? 'differs' : 'differ';
  lines.push(`  ${golden.cells.length} of ${golden.compared} cells ${differ} from ${golden.file}:`);
  for (const cell of golden.cells.slice(0, mostCells)) lines.push(...cellLines(cell));
  if (golden.cells.length > mostCells)
    lines.push(`    and ${formatCount(golden.cells.length - mostCells, 'more cell')}`);
  lines.push('  where the change is meant, --update writes what the notebook gives now to that file');
  return lines;
}

function cellLines(cell: CellDifferences): string[] {
  const lines = cell.differences.slice(0, mostDifferences).map((one) => `      ${describeDifference(one)}`);
  const rest = cell.count - lines.length;
  return [`    ${place(cell)}`, ...lines, ...(rest > 0 ? [`      and ${rest} more`] : [])];
}

function place(cell: CellDifferences | NonNullable<BudgetResult['cell']>): string {
  const run = cell.executionCount === null ? '' : ` (In [${cell.executionCount}])`;
  return `cell${cell.number === undefined ? '' : ` ${cell.number}`}${run} "${cell.id}"`;
}

/** What `--update` did, in a line. */
export function updateLine({
  file,
  cells,
  changed,
  added,
  removed,
}: NonNullable<Regression['update']>): string {
  const parts = Object.entries({ changed, new: added, removed }).flatMap(([what, ids]) =>
    ids.length === 0 ? [] : [`${ids.length} ${what} (${shortList(ids)})`],
  );
  return parts.length === 0
    ? `${file}: unchanged, ${formatCount(cells, 'cell')}`
    : `${file}: written, ${formatCount(cells, 'cell')}: ${parts.join(', ')}`;
}

function shortList(ids: readonly string[]): string {
  return ids.length <= 8 ? ids.join(', ') : `${ids.slice(0, 7).join(', ')} and ${ids.length - 7} more`;
}
