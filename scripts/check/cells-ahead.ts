/** What of a checked notebook holds for the kernel that runs it. */
import type { CellAhead } from '../../kernel/language/cell-ahead.js';
import { fileStamp } from '../../kernel/language/file-stamp.js';
import type { CheckedSource } from './checked-source.js';
import { missingModule } from './missing-modules.js';

/** Cells that miss a module are left out: it may be there when they run. */
export function cellsAhead(checked: readonly CheckedSource[]): CellAhead[] {
  const cells: CellAhead[] = [];
  let after = 0;
  for (const { names, verdict, count, files } of checked) {
    if (count === undefined) continue;
    const { source, declaresNothing } = names;
    if (verdict && !missesModule(verdict, source))
      cells.push({ source, count, after, verdict, files: files.map((file) => [file, fileStamp(file)]) });
    if (declaresNothing === undefined) after++;
  }
  return cells;
}

function missesModule(verdict: CellAhead['verdict'], source: string): boolean {
  return !verdict.ok && verdict.diagnostics.some((error) => missingModule(error, source) !== undefined);
}
