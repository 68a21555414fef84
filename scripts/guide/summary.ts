/** What an executed notebook says about itself: checks, errors, the device it ran on, the commit, its title. */

import { notebookDevices } from '../notebook/devices.js';
import { type CodeCell, hasTag, isObject, type Notebook } from '../notebook/format.js';
import { cellVerifications, type VerificationRecord } from '../notebook/verifications.js';
import { bilingualWords } from './language.js';

export interface NotebookSummary {
  title: { en: string; zh: string };
  passed: number;
  /** Checks that failed and cells that stopped the notebook. */
  failures: { cell: string; what: string }[];
  /** False where code cells have not run. */
  executed: boolean;
  /** Distinct devices that its measurements and checks name. */
  devices: string[];
  commit: string | undefined;
}

export function summarize(notebook: Notebook, fallbackTitle: string): NotebookSummary {
  const codeCells = notebook.cells.filter((cell): cell is CodeCell => cell.cell_type === 'code');
  const failures: NotebookSummary['failures'] = [];
  let passed = 0;
  for (const cell of codeCells) {
    const checks = cellVerifications(cell);
    passed += checks.filter((check) => check.passed).length;
    failures.push(...cellFailures(cell, checks));
  }
  const record = notebook.metadata.kernelbook;
  const commit = isObject(record) && typeof record.commit === 'string' ? record.commit : undefined;
  return {
    title: titleOf(notebook, fallbackTitle),
    passed,
    failures,
    executed: codeCells.every((cell) => cell.source.trim() === '' || cell.execution_count !== null),
    devices: notebookDevices(notebook),
    commit,
  };
}

function cellFailures(cell: CodeCell, checks: VerificationRecord[]): NotebookSummary['failures'] {
  const failed = checks
    .filter((check) => !check.passed)
    .map((check) => ({ cell: cell.id, what: check.name }));
  const error = cell.outputs.find((output) => output.output_type === 'error');
  if (hasTag(cell, 'raises-exception')) return failed;
  if (error && failed.length === 0) return [{ cell: cell.id, what: `${error.ename}: ${error.evalue}` }];
  return failed;
}

/** The first heading of the notebook, or its metadata, or its file name. */
function titleOf(notebook: Notebook, fallback: string): { en: string; zh: string } {
  for (const cell of notebook.cells) {
    if (cell.cell_type !== 'markdown') continue;
    const heading = /^#\s+(.+?)\s*#*$/m.exec(cell.source)?.[1];
    if (heading) return bilingualWords(heading.replaceAll(/[`*]/g, ''));
  }
  return bilingualWords(notebook.metadata.title ?? fallback);
}
