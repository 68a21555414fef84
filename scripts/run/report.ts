/** What a run says at its end: a table of the notebooks, and each failure with cell, error and component. */
import { relative } from 'node:path';
import { regressionLines } from '../regression/report.js';
import type { NotebookResult } from './result.js';
import { shownMessage, shownName } from './shown-text.js';

/** One line per notebook, columns aligned. */
export function summaryTable(results: NotebookResult[]): string {
  const rows = results.map((result) => [
    result.name,
    `${result.ran}/${result.cells}`,
    verified(result),
    spentText(result),
    result.peakMemory === undefined ? '-' : `${Math.round(result.peakMemory / 2 ** 20)} MiB`,
    verdictText(result),
  ]);
  const table = [['notebook', 'cells', 'verified', 'time', 'peak memory', 'verdict'], ...rows];
  const widths = table[0]!.map((_, column) => Math.max(...table.map((row) => row[column]!.length)));
  return table
    .map((row) =>
      row
        .map((cell, column) => pad(cell, widths[column]!, column))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** The time of a run, or that there was none. */
export function spentText({ kept, cached, seconds }: NotebookResult): string {
  if (cached) return 'cached';
  return kept ? 'kept' : duration(seconds);
}

/** The verdict, which is never that of this run where there was none. */
export function shownVerdict({ verdict, cached }: NotebookResult): string {
  return cached ? `${verdict} (cached)` : verdict;
}

/** What was left out stands beside the verdict: nothing is skipped in silence. */
function verdictText(result: NotebookResult): string {
  const { skipped, skippedCells = [] } = result;
  const verdict = shownVerdict(result);
  if (skipped !== undefined) return `${verdict}: ${skipped}`;
  const cells = skippedCells.map(({ number, reason }) => `cell ${number} skipped: ${reason}`);
  return [verdict, ...cells].join('; ');
}

/** Numbers are set to the right, names and verdicts to the left. */
function pad(cell: string, width: number, column: number): string {
  return column === 0 || column === 5 ? cell.padEnd(width) : cell.padStart(width);
}

/** Which notebook, which cell, which error, and what was being verified. */
export function failureReport(results: NotebookResult[]): string {
  return results
    .flatMap((result) => {
      const { failure } = result;
      if (!failure) return [];
      const { cell } = failure;
      const run = cell?.executionCount == null ? '' : ` (In [${cell.executionCount}])`;
      const place = cell
        ? `cell ${cell.number}${run} "${cell.id}"`
        : result.ran === 0
          ? 'before its first cell'
          : 'the whole notebook';
      const components = result.verifications.filter((one) => !one.passed).map((one) => one.name);
      return [
        `FAILED ${result.name}, ${place}: ${shownName(failure.ename)}: ${shownMessage(failure.evalue)}`,
        ...(components.length > 0 ? [`  not verified: ${components.join(', ')}`] : []),
        ...(result.regression ? regressionLines(result.regression) : []),
        ...(result.ran > 0 ? [`  outputs so far: ${relative(process.cwd(), result.output)}`] : []),
      ];
    })
    .join('\n');
}

/** One finished notebook in a line. */
export function describeResult(result: NotebookResult): string {
  const { failure } = result;
  const where = failure?.cell ? ` in cell ${failure.cell.number}` : '';
  const why = failure ? `${where}: ${shownName(failure.ename)}` : '';
  if (result.skipped !== undefined) return `${result.name}  ${verdictText(result)}`;
  const { cached } = result;
  const spent = cached
    ? `ran ${cached.at.slice(0, 16).replace('T', ' ')} UTC, ${duration(cached.seconds)}`
    : result.kept
      ? 'kept from an earlier run'
      : `${result.ran}/${result.cells} cells, ${duration(result.seconds)}`;
  return `${result.name}  ${verdictText(result)}${why}  (${spent})`;
}

export function duration(seconds: number): string {
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  return whole < 60 ? `${whole} s` : `${Math.floor(whole / 60)} min ${whole % 60} s`;
}

function verified(result: NotebookResult): string {
  const failed = result.verifications.filter((one) => !one.passed).length;
  const total = result.verifications.length;
  if (total === 0) return '-';
  return failed === 0 ? `${total} ok` : `${total - failed} ok, ${failed} failed`;
}
