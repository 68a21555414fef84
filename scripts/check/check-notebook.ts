/**
 * Checks a whole notebook without running it: cell after cell in the kernel's language engine, each seeing what the ones
 * before it declare. A cell that must raise an error may have type errors, and declares nothing: the kernel does not run
 * a cell with type errors, and forgets the declarations of one that fails.
 */
import type { LanguageEngine, ShownDiagnostic } from '../../kernel/language/engine.js';
import { pagerQuery } from '../../kernel/worker/pager.js';
import { type CodeCell, hasTag, type Notebook } from '../notebook/format.js';
import { directivesOf } from '../run/cell-directives.js';
import { cellsAhead } from './cells-ahead.js';
import type { CheckedSource } from './checked-source.js';
import type { CellPlace, CheckedNotebook, Finding } from './finding.js';
import { mayBeMadeBefore, missingModule } from './missing-modules.js';
import { analyseNames, type CellNames, outOfOrder } from './names.js';

export interface NotebookToCheck {
  name: string;
  path: string;
  notebook: Notebook;
  /** Cells that will not run, with the reason, by id: they declare nothing. */
  skipped?: ReadonlyMap<string, string>;
  /** It will run: its cells are compiled as well. */
  isRun?: boolean;
}

/** @param engine one that knows no cell */
export async function checkNotebook(engine: LanguageEngine, one: NotebookToCheck): Promise<CheckedNotebook> {
  const { name, path, notebook } = one;
  // All at once: the engine answers them in order, and nobody waits for an answer to travel.
  const checked = await Promise.all(placesOf(one).map((place) => checkCell(engine, one, place)));
  const names = checked.map((cell) => cell.names);
  const findings = [...withoutRepeated(typeErrors(checked, names)), ...analyseNames(names)];
  findings.sort((a, b) => a.cell.number - b.cell.number || a.start - b.start);
  const files = [...new Set(checked.flatMap(({ files }) => files))];
  return { name, path, notebook, findings, files, ...(one.isRun && { ahead: cellsAhead(checked) }) };
}

interface SourcePlace {
  cell: CodeCell;
  number: number;
  count: number | undefined;
}

/** The cells with code, and those that will run by the execution counts they will have. */
function placesOf({ notebook, skipped, isRun }: NotebookToCheck): SourcePlace[] {
  const places: SourcePlace[] = [];
  let sent = 0;
  for (const [index, cell] of notebook.cells.entries()) {
    if (cell.cell_type !== 'code' || cell.source.trim() === '') continue;
    const count = isRun && !skipped?.has(cell.id) ? ++sent : undefined;
    if (!pagerQuery(cell.source)) places.push({ cell, number: index + 1, count });
  }
  return places;
}

async function checkCell(
  engine: LanguageEngine,
  { name, skipped }: NotebookToCheck,
  { cell, number, count }: SourcePlace,
): Promise<CheckedSource> {
  const why =
    skipped?.get(cell.id) ??
    (directivesOf(cell).mustFail ? 'must raise an error: its declarations do not count' : undefined);
  const label = `${name} cell ${number} "${cell.id}"`;
  const { errors, declares, uses, files, verdict } = await engine.check(
    cell.source,
    { name: label, count },
    why === undefined,
  );
  const names: CellNames = {
    place: { number, id: cell.id },
    label,
    source: cell.source,
    declares,
    uses,
    isParameters: hasTag(cell, 'parameters') || hasTag(cell, 'injected-parameters'),
    declaresNothing: why,
  };
  return { names, errors: why === undefined ? errors : [], files, verdict, count };
}

function typeErrors(checked: readonly CheckedSource[], names: readonly CellNames[]): Finding[] {
  return checked.flatMap(({ errors }, index) => {
    const before = names.slice(0, index).map(({ source }) => source);
    return errors
      .filter((error) => !isLeftToTheRun(error, names[index]!.source, before))
      .map((error) => typeError(error, names[index]!.place, outOfOrder(error, names, index)));
  });
}

/** An error in a file is told at the first cell that imports it. */
function withoutRepeated(findings: readonly Finding[]): Finding[] {
  const seen = new Set<string>();
  return findings.filter(({ file, start, code, message }) => {
    if (file === undefined) return true;
    const key = JSON.stringify([file, start, code, message]);
    return !seen.has(key) && seen.add(key);
  });
}

function typeError(error: ShownDiagnostic, cell: CellPlace, hint: string | undefined): Finding {
  const { start, length, line, column, file } = error;
  return {
    severity: 'error',
    code: error.code === 0 ? 'kernelbook' : `TS${error.code}`,
    message: hint === undefined ? error.message : `${error.message} ${hint}`,
    cell,
    start,
    length,
    line,
    column,
    ...(file !== undefined && { file }),
    pretty: hint === undefined ? error.pretty : `${error.pretty}\n\n  ${hint}`,
  };
}

/** A module that is not there yet, but that an earlier cell seems to install or to write. */
function isLeftToTheRun(error: ShownDiagnostic, source: string, before: readonly string[]): boolean {
  const specifier = missingModule(error, source);
  return specifier !== undefined && mayBeMadeBefore(specifier, before);
}
