/** One cell of a checked notebook, as the engine left it. */
import type { CheckedCell, ShownDiagnostic } from '../../kernel/language/engine.js';
import type { CellNames } from './names.js';

export interface CheckedSource extends Pick<CheckedCell, 'files' | 'verdict'> {
  names: CellNames;
  errors: ShownDiagnostic[];
  /** The execution count it will have; undefined where it does not run. */
  count: number | undefined;
}
