/**
 * What happens to a notebook after it ran: its outputs against the golden ones, its time and memory against its budgets.
 * A notebook that passed so far fails by them with the verdict "assertion"; one that failed keeps its failure, and the
 * golden differences of the cells before it are told all the same, since they may be the cause.
 */
import { relative } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { isObject, type Notebook } from '../notebook/format.js';
import { readNotebook } from '../notebook/read.js';
import { SaveFailure } from '../run/limits/stop-reasons.js';
import type { Failure, NotebookResult } from '../run/result.js';
import { forgetPassed } from '../run/resume.js';
import { saveOnce } from '../run/saver.js';
import { type BudgetResult, checkBudgets, describeBudget } from './budgets.js';
import { cellResults } from './cell-results.js';
import { describeDifference } from './difference.js';
import { compareGolden, updateGolden } from './golden.js';
import { GoldenFileError, goldenPath, readGolden, writeGolden } from './golden-file.js';
import type { Regression } from './outcome.js';
import type { Budgets } from './settings.js';

export interface RegressionOptions {
  /** off: nothing is compared. */
  golden: 'compare' | 'update' | 'off';
  /** Those of the command line. */
  budgets: Budgets;
}

export interface FinishedJob {
  notebook: Notebook;
  /** The notebook file that was run, and the one that was written. */
  path: string;
  output: string;
}

/** The result with what regression adds; the executed notebook is saved with it. */
export async function checkRegression(
  job: FinishedJob,
  result: NotebookResult,
  options: RegressionOptions,
): Promise<NotebookResult> {
  if (result.ran === 0) return result;
  const notebook = result.kept ? await readNotebook(job.output) : job.notebook;
  const { seconds, peakMemory, cellPeaks = new Map<string, number>() } = result;
  const measured = { seconds, peakMemory, cellPeaks };
  const regression: Regression = {
    // One that was kept has been within them when it ran.
    budgets: result.kept ? [] : checkBudgets(notebook, measured, options.budgets),
    cells: cellResults(notebook, cellPeaks),
  };
  let failure = result.failure ?? budgetFailure(regression.budgets);
  const file = relative(process.cwd(), goldenPath(job.path));
  try {
    if (options.golden === 'compare') {
      const golden = await readGolden(goldenPath(job.path));
      if (golden) regression.golden = { file, ...compareGolden(notebook, golden) };
    } else if (options.golden === 'update' && !failure)
      regression.update = await update(notebook, job.path, file);
  } catch (error) {
    failure ??=
      error instanceof GoldenFileError
        ? { verdict: 'assertion', ename: error.name, evalue: `${file} ${error.message}` }
        : notSaved(file, error);
  }
  failure ??= goldenFailure(regression.golden);
  const failsNow = failure !== undefined && !result.failure;
  if (failsNow) forgetPassed(notebook);
  const changed = record(notebook, regression) || failsNow;
  if (changed && result.verdict !== 'not saved') failure = (await saveOnce(job.output, notebook)) ?? failure;
  return { ...result, verdict: failure?.verdict ?? result.verdict, failure, regression };
}

function notSaved(file: string, error: unknown): Failure {
  return new SaveFailure(file, error, () => 'what it held before is still there').describe();
}

async function update(notebook: Notebook, of: string, file: string): Promise<Regression['update']> {
  const path = goldenPath(of);
  // What is there may be broken or of an older format: it is replaced, not mended.
  const before = await readGolden(path).catch((error: unknown) => {
    if (error instanceof GoldenFileError) return undefined;
    throw error;
  });
  const { cells, ...changes } = updateGolden(notebook, before ?? []);
  const changed = Object.values(changes).some((ids) => ids.length > 0);
  if (changed || !before) await writeGolden(path, cells);
  return { file, cells: cells.length, ...changes };
}

function goldenFailure(golden: Regression['golden']): Failure | undefined {
  const differing = golden?.cells[0];
  if (!golden || !differing) return undefined;
  const { number, id, executionCount, differences } = differing;
  return {
    verdict: 'assertion',
    ename: 'GoldenMismatch',
    ...(number === undefined
      ? { evalue: `the cell "${id}" of ${golden.file} is not in the notebook` }
      : { evalue: describeDifference(differences[0]!), cell: { number, id, executionCount } }),
  };
}

function budgetFailure(budgets: BudgetResult[]): Failure | undefined {
  const exceeded = budgets.find((one) => one.exceeded);
  if (!exceeded) return undefined;
  const { cell } = exceeded;
  const evalue = describeBudget(exceeded);
  return { verdict: 'assertion', ename: 'BudgetExceeded', evalue, ...(cell && { cell }) };
}

/**
 * In the executed notebook: a summary for the whole, and the differences at the cells that have any. Returns whether
 * the notebook changed.
 */
function record(notebook: Notebook, { golden, budgets }: Regression): boolean {
  const summary = {
    ...(golden && { golden: { file: golden.file, compared: golden.compared, differ: golden.cells.length } }),
    ...(budgets.length > 0 && { budgets: budgets.map(describeBudget) }),
  };
  const differing = new Map(golden?.cells.map(({ id, differences }) => [id, differences]));
  const { metadata } = notebook;
  const changes = [
    setRecord(metadata, 'regression', Object.keys(summary).length > 0 ? summary : undefined),
    ...notebook.cells.map((cell) =>
      setRecord(cell.metadata, 'regression', differing.get(cell.id)?.map(describeDifference)),
    ),
  ];
  return changes.includes(true);
}

/** Sets what we keep in metadata under a name, or takes out what an earlier run left there. */
function setRecord(metadata: Record<string, unknown>, name: string, value: unknown): boolean {
  const own = isObject(metadata.kernelbook) ? metadata.kernelbook : {};
  if (isDeepStrictEqual(own[name], value)) return false;
  const { [name]: _, ...rest } = own;
  metadata.kernelbook = value === undefined ? rest : { ...rest, [name]: value };
  return true;
}
