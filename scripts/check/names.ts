/**
 * Names across the cells of a notebook: imports and variables that nothing uses, names that change their type on the
 * way, and uses of what only a later cell declares, which work in an order of execution that no run from the top has.
 */
import type { DeclaredName, Diagnostic } from '../../kernel/language/engine.js';
import { markLine } from '../../kernel/source-line.js';
import type { CellPlace, Finding } from './finding.js';

export interface CellNames {
  place: CellPlace;
  /** Notebook, cell and id, as messages have it. */
  label: string;
  source: string;
  declares: DeclaredName[];
  uses: string[];
  /** Parameters may be for others than this notebook: the cell is read by whoever runs it. */
  isParameters: boolean;
  /** Why later cells do not see what it declares. */
  declaresNothing: string | undefined;
}

/** `Cannot find name`, `… namespace`, their forms with a guess or advice, and the shorthand property. */
const unknownName = (code: number) =>
  [2304, 2503, 2552, 2833, 18004].includes(code) || (code >= 2580 && code <= 2593);

/** What to say of an error about a name that another cell has, but that this cell cannot see. */
export function outOfOrder(
  error: Diagnostic,
  cells: readonly CellNames[],
  index: number,
): string | undefined {
  if (!unknownName(error.code) || error.file !== undefined) return undefined;
  const name = cells[index]!.source.slice(error.start, error.start + error.length);
  const declares = (cell: CellNames) => cell.declares.some((declared) => declared.name === name);
  const earlier = cells.slice(0, index).findLast(declares);
  if (earlier?.declaresNothing !== undefined)
    return `'${name}' is declared in cell ${earlier.place.number}, which ${earlier.declaresNothing}.`;
  const later = cells.slice(index + 1).find(declares);
  return later && `'${name}' is declared in cell ${later.place.number}, below.`;
}

/** Warnings, in the order of the cells. */
export function analyseNames(cells: readonly CellNames[]): Finding[] {
  return cells.flatMap((cell, index) =>
    cell.declares.flatMap((declared) => {
      const found: Finding[] = [];
      if (isUnused(declared, index, cells)) {
        const what = declared.kind === 'import' ? 'imported' : 'declared';
        found.push(
          warning('unused-name', `'${declared.name}' is ${what} but nothing uses it.`, cell, declared),
        );
      }
      if (declared.changes && !cell.isParameters) found.push(change(declared, index, cells));
      return found;
    }),
  );
}

/** Functions, classes and types often stand there to be read, so only imports and variables count; `_name` says it is left alone. */
function isUnused(declared: DeclaredName, index: number, cells: readonly CellNames[]): boolean {
  const cell = cells[index]!;
  const isSubject = declared.kind === 'import' || declared.kind === 'variable';
  if (!isSubject || !declared.isMeantForUse || cell.isParameters || declared.name.startsWith('_'))
    return false;
  // A cell that fails on purpose declares nothing that could be used.
  if (cell.declaresNothing !== undefined || cell.uses.includes(declared.name)) return false;
  if (isUsedTooEarly(declared.name, cells.slice(0, index))) return false;
  for (const later of cells.slice(index + 1)) {
    if (later.uses.includes(declared.name)) return false;
    if (later.declares.some(({ name }) => name === declared.name) && later.declaresNothing === undefined)
      return true;
  }
  return true;
}

/** Used above, where nothing declares it: an error says so. */
function isUsedTooEarly(name: string, cells: readonly CellNames[]): boolean {
  return (
    cells.some(({ uses }) => uses.includes(name)) &&
    !cells.some(({ declares }) => declares.some((one) => one.name === name))
  );
}

function change(declared: DeclaredName, index: number, cells: readonly CellNames[]): Finding {
  const { name, changes } = declared;
  const before = cells
    .slice(0, index)
    .findLast((cell) => cell.declaresNothing === undefined && cell.declares.some((one) => one.name === name));
  const where = before ? ` in cell ${before.place.number}` : '';
  const message = `'${name}' is ${changes!.from}${where} and becomes ${changes!.to} here.`;
  return warning('changed-name', message, cells[index]!, declared);
}

const yellow = (text: string) => `\u001b[93m${text}\u001b[0m`;
const cyan = (text: string) => `\u001b[96m${text}\u001b[0m`;
const grey = (text: string) => `\u001b[90m${text}\u001b[0m`;
const inverse = (text: string) => `\u001b[7m${text}\u001b[0m`;

function warning(code: string, message: string, cell: CellNames, at: DeclaredName): Finding {
  const { start, length, line, column } = at;
  const { text, indent, width } = markLine(
    cell.source.split(/\r\n|[\n\r]/)[line - 1] ?? '',
    column - 1,
    length,
  );
  const place = `${cyan(cell.label)}:${yellow(String(line))}:${yellow(String(column))}`;
  const number = String(line);
  const pretty = [
    `${place} - ${yellow('warning')} ${grey(code)}: ${message}\n`,
    `${inverse(number)} ${text}`,
    `${inverse(' '.repeat(number.length))} ${' '.repeat(indent)}${yellow('~'.repeat(width))}`,
  ].join('\n');
  return { severity: 'warning', code, message, cell: cell.place, start, length, line, column, pretty };
}
