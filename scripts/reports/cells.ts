/**
 * What the reports say of a run, cell by cell. It is taken from the saved notebooks, where secret parameters are
 * redacted already, and from the results.
 */
import { readFile } from 'node:fs/promises';
import { relative, resolve } from 'node:path';
import { CellPlaces } from '../notebook/cell-places.js';
import { type CodeCell, type ErrorOutput, isObject, type Notebook } from '../notebook/format.js';
import { readNotebook } from '../notebook/read.js';
import { cellVerifications, type VerificationRecord } from '../notebook/verifications.js';
import { describeBudget } from '../regression/budgets.js';
import { describeDifference } from '../regression/difference.js';
import type { NotebookResult } from '../run/result.js';
import { plainText, shortened, shownMessage, shownName } from '../run/shown-text.js';

/** A failure is a check that was not met, an error anything else, as JUnit has them. */
export interface Problem {
  kind: 'failure' | 'error';
  type: string;
  message: string;
  details: string[];
}

export interface CellReport {
  /** Counted from 1, over all cells of the notebook that was run. */
  number: number;
  id: string;
  source: string;
  seconds: number | undefined;
  /** Why it did not run, where it did not. */
  skipped: string | undefined;
  problems: Problem[];
  /** With ANSI colours, where the cell raised an error that nobody expected. */
  traceback: string | undefined;
  /** What it wrote to its streams, shortened. */
  text: string;
  verifications: VerificationRecord[];
  /** The line of its source that failed, and the line of the notebook's file. */
  failedAt: { line: number | undefined; fileLine: number | undefined } | undefined;
}

export interface NotebookReport {
  result: NotebookResult;
  /** The executed notebook, from the current folder. */
  output: string;
  /** Of its code. */
  language: string;
  /** When it started, where it did. */
  started: string | undefined;
  cells: CellReport[];
  /** Those of no cell: the kernel did not start, a budget of the whole notebook was exceeded. */
  problems: Problem[];
}

/** Never throws for a notebook that cannot be read again; its report has no cells then. */
export async function reportOf(result: NotebookResult): Promise<NotebookReport> {
  const input = resolve(result.name);
  const executed =
    result.ran > 0 || result.kept ? await readNotebook(result.output).catch(() => undefined) : undefined;
  const notebook = executed ?? (await readNotebook(input).catch(() => undefined));
  const places = await readFile(input, 'utf8').then(
    (text) => new CellPlaces(text),
    () => undefined,
  );
  const located = (cell: CellReport, count: number | null): CellReport => {
    if (cell.problems.length === 0) return cell;
    const line =
      result.failure?.cell?.id === cell.id ? failingLine(result, cell.traceback, count) : undefined;
    return { ...cell, failedAt: { line, fileLine: places?.lineOf(cell, line) } };
  };
  const cells = (notebook?.cells ?? []).flatMap((cell, index) =>
    cell.cell_type === 'code' ? [located(cellReport(cell, index + 1, result), cell.execution_count)] : [],
  );
  const ids = new Set(cells.map(({ id }) => id));
  const { failure } = result;
  const ownProblems = failure && !(failure.cell && ids.has(failure.cell.id)) ? [problemOf(result)] : [];
  const budgets = (result.regression?.budgets ?? []).filter((one) => one.exceeded && !one.cell);
  const others = budgets.map((one) => budgetProblem(describeBudget(one)));
  return {
    result,
    output: relative('', result.output),
    language: notebook?.metadata.language_info?.name ?? notebook?.metadata.kernelspec?.language ?? '',
    started: startOf(notebook),
    cells,
    problems:
      ownProblems.length > 0 && failure?.ename === 'BudgetExceeded' ? others : [...ownProblems, ...others],
  };
}

function cellReport(cell: CodeCell, number: number, result: NotebookResult): CellReport {
  const { failure } = result;
  const failedHere = failure?.cell?.id === cell.id;
  const record = isObject(cell.metadata.papermill) ? cell.metadata.papermill : {};
  const ran =
    result.ran > 0 || result.kept ? record.status === 'completed' || record.status === 'failed' : false;
  const error = cell.outputs.findLast((one): one is ErrorOutput => one.output_type === 'error');
  return {
    number,
    id: cell.id,
    source: cell.source,
    seconds: ran && typeof record.duration === 'number' ? record.duration : undefined,
    skipped:
      failedHere || ran ? skipReason(cell.id, result) : (skipReason(cell.id, result) ?? whyNotRun(result)),
    problems: cellProblems(cell.id, result),
    traceback: failedHere && error ? shortened(error.traceback.join('\n')) : undefined,
    text: ran
      ? shortened(cell.outputs.map((one) => (one.output_type === 'stream' ? one.text : '')).join(''))
      : '',
    verifications: ran ? cellVerifications(cell) : [],
    failedAt: undefined,
  };
}

function cellProblems(id: string, result: NotebookResult): Problem[] {
  const { failure, regression } = result;
  const golden = regression?.golden?.cells.find((one) => one.id === id);
  const budgets = (regression?.budgets ?? []).filter((one) => one.exceeded && one.cell?.id === id);
  const own = failure?.cell?.id === id ? [problemOf(result)] : [];
  const differences = golden?.differences.map(describeDifference) ?? [];
  const mismatch: Problem = {
    kind: 'failure',
    type: 'GoldenMismatch',
    message: differences[0] ?? '',
    details: differences,
  };
  return [
    ...own.filter(({ type }) => type !== 'GoldenMismatch' && type !== 'BudgetExceeded'),
    ...(golden ? [mismatch] : []),
    ...budgets.map((one) => budgetProblem(describeBudget(one))),
  ];
}

function problemOf({ failure, verifications }: NotebookResult): Problem {
  const { verdict, ename, evalue } = failure!;
  const unmet = verifications.filter(({ passed }) => !passed).map(({ name }) => `not verified: ${name}`);
  return {
    kind: verdict === 'assertion' ? 'failure' : 'error',
    type: shownName(ename),
    message: shownMessage(evalue),
    details: unmet,
  };
}

function budgetProblem(message: string): Problem {
  return { kind: 'failure', type: 'BudgetExceeded', message, details: [] };
}

function skipReason(id: string, result: NotebookResult): string | undefined {
  return result.skippedCells?.find((one) => one.id === id)?.reason ?? result.skipped;
}

function whyNotRun({ failure, ran }: NotebookResult): string {
  if (!failure) return 'not run';
  if (failure.verdict === 'interrupted') return 'not run: the run was interrupted';
  if (ran === 0) return `not run: ${failure.ename}`;
  return failure.cell ? `not run: cell ${failure.cell.number} failed` : `not run: ${failure.ename}`;
}

/** The line that a traceback of our kernel or of IPython names in the cell that failed. */
function failingLine(
  result: NotebookResult,
  traceback: string | undefined,
  count: number | null,
): number | undefined {
  const { failure } = result;
  if (failure?.line !== undefined) return failure.line;
  const places = plainText(traceback ?? '').matchAll(/\bcell (?:in\[)?(\d+)\]?(?:, line |:)(\d+)/gi);
  for (const [, cell, line] of places) if (Number(cell) === count) return Number(line);
  const [, line] = /^line (\d+), column /.exec(failure?.evalue ?? '') ?? [];
  return line === undefined ? undefined : Number(line);
}

function startOf(notebook: Notebook | undefined): string | undefined {
  const record = notebook?.metadata.papermill;
  return isObject(record) && typeof record.start_time === 'string' ? record.start_time : undefined;
}
