/** What a check finds in a notebook, and the notebooks that were checked. */
import type { CellAhead } from '../../kernel/language/cell-ahead.js';
import type { Notebook } from '../notebook/format.js';

export interface CellPlace {
  /** Counted from 1, over all cells of the notebook. */
  number: number;
  id: string;
}

export interface Finding {
  severity: 'error' | 'warning';
  /** `TS2322`, `kernelbook` for what the kernel itself refuses, or the rule: `unused-name`, `changed-name`. */
  code: string;
  message: string;
  cell: CellPlace;
  /** Where in the cell, or in `file`: characters from 0; line and column from 1. */
  start: number;
  length: number;
  line: number;
  column: number;
  /** Set where the mistake is in a file the cell imports: its path from the notebook's folder. */
  file?: string;
  /** As it is printed, with ANSI colours. */
  pretty: string;
}

export interface CheckedNotebook {
  /** What messages call it. */
  name: string;
  path: string;
  notebook: Notebook;
  /** In the order of the cells. */
  findings: Finding[];
  /** The user's own files it imports: absolute paths. */
  files: string[];
  /** Of a notebook that will run, what its kernel need not find out again. */
  ahead?: CellAhead[];
}

export function errorsOf({ findings }: CheckedNotebook): Finding[] {
  return findings.filter(({ severity }) => severity === 'error');
}
