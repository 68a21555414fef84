/** What a run was compared with and measured by. */
import type { BudgetResult } from './budgets.js';
import type { CellResult } from './cell-results.js';
import type { CellDifferences, GoldenUpdate } from './golden.js';

export interface Regression {
  golden?: { file: string; compared: number; cells: CellDifferences[] };
  update?: Omit<GoldenUpdate, 'cells'> & { file: string; cells: number };
  budgets: BudgetResult[];
  cells: CellResult[];
}
