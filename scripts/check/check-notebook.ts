/**
 * Checks a whole notebook without running it: cell after cell in the kernel's language engine, each seeing what the ones
 * before it declare. A cell that must raise an error may have type errors, and declares nothing: the kernel does not run
 * a cell with type errors, and forgets the declarations of one that fails.
 */
import type { LanguageEngine, ShownDiagnostic } from '../../kernel/language/engine.js';
import { pagerQuery } from '../../kernel/pager.js';
import { type CodeCell, hasTag, type Notebook } from '../notebook/format.js';
import { directivesOf } from '../run/cell-directives.js';
import type { CheckedNotebook, Finding } from './finding.js';
import { mayBeMadeBefore, missingModule } from './missing-modules.js';
import { analyseNames, type CellNames, outOfOrder } from './names.js';

export interface NotebookToCheck {
  name: string;
  path: string;
  notebook: Notebook;
  /** Cells that will not run, with the reason, by id: they declare nothing. */
  skipped?: ReadonlyMap<string, string>;
}

interface CellErrors {
  cell: CodeCell;
  names: CellNames;
  errors: ShownDiagnostic[];
}

/** @param engine one that knows no cell */
export async function checkNotebook(engine: LanguageEngine, one: NotebookToCheck): Promise<CheckedNotebook> {
  const { name, path, notebook, skipped } = one;
  const checked: CellErrors[] = [];
  const files = new Set<string>();
  for (const [index, cell] of notebook.cells.entries()) {
    if (cell.cell_type !== 'code' || cell.source.trim() === '' || pagerQuery(cell.source)) continue;
    const place = { number: index + 1, id: cell.id };
    const why =
      skipped?.get(cell.id) ??
      (directivesOf(cell).mustFail ? 'must raise an error: its declarations do not count' : undefined);
    const label = `${name} cell ${place.number} "${cell.id}"`;
    const result = await engine.check(cell.source, { name: label }, why === undefined);
    for (const file of result.files) files.add(file);
    const errors = why === undefined ? result.errors : [];
    const isParameters = hasTag(cell, 'parameters') || hasTag(cell, 'injected-parameters');
    const { declares, uses } = result;
    const names = { place, label, source: cell.source, declares, uses, isParameters, declaresNothing: why };
    checked.push({ cell, names, errors: errors.filter((error) => !isLeftToTheRun(error, cell, checked)) });
  }
  const names = checked.map((cell) => cell.names);
  const found = checked.flatMap((cell, index) =>
    cell.errors.map((error) => typeError(error, cell, outOfOrder(error, names, index))),
  );
  const warnings = analyseNames(names);
  const findings = [...found, ...warnings].sort((a, b) => a.cell.number - b.cell.number || a.start - b.start);
  return { name, path, notebook, findings, files: [...files] };
}

function typeError(error: ShownDiagnostic, { names }: CellErrors, hint: string | undefined): Finding {
  const { start, length, line, column, file } = error;
  return {
    severity: 'error',
    code: error.code === 0 ? 'kernelbook' : `TS${error.code}`,
    message: hint === undefined ? error.message : `${error.message} ${hint}`,
    cell: names.place,
    start,
    length,
    line,
    column,
    ...(file !== undefined && { file }),
    pretty: hint === undefined ? error.pretty : `${error.pretty}\n\n  ${hint}`,
  };
}

/** A module that is not there yet, but that an earlier cell seems to install or to write. */
function isLeftToTheRun(error: ShownDiagnostic, cell: CodeCell, before: readonly CellErrors[]): boolean {
  const specifier = missingModule(error, cell.source);
  return (
    specifier !== undefined &&
    mayBeMadeBefore(
      specifier,
      before.map(({ names }) => names.source),
    )
  );
}
