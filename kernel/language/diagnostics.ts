/** Diagnostics of a cell: which count, and how they read. Lines and columns are those of the user's cell. */
import { dirname } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import ts from 'typescript';
import { refusals } from './cell-file.js';
import { nameCell } from './cell-names.js';
import type { Diagnostic, Rejected, ShownDiagnostic } from './engine.js';
import { withHint } from './hints.js';
import { fileLabel, messageText, prettyDiagnostics } from './pretty.js';
import { tracebackOf } from './type-traceback.js';
import { internal, internals } from './typescript-internal.js';

/**
 * Implicit `any` of things a notebook rightly leaves open: packages without types (7016), and variables that get
 * their type by assignments in other cells (7005, 7034). And `import x = require(…)` (1202): cells and the user's files have `require`.
 */
const ignoredCodes = new Set([7016, 7005, 7034, 1202]);

const unusedExpectation = { code: 2578, text: "Unused '@ts-expect-error' directive." };

/** Errors only, each once, in reading order. */
export function relevant(found: readonly ts.DiagnosticWithLocation[]): ts.DiagnosticWithLocation[] {
  const errors = found.filter(
    (item) => item.category === ts.DiagnosticCategory.Error && !ignoredCodes.has(item.code),
  );
  const unique = new Map(errors.map((item) => [`${item.start}:${item.code}:${text(item)}`, item]));
  return [...unique.values()].sort((a, b) => a.start - b.start || a.code - b.code);
}

/** Drops the errors that a `@ts-expect-error` or `@ts-expect-error` above their line asks to drop; reports unused expectations. */
export function applyDirectives(
  cell: ts.SourceFile,
  found: readonly ts.DiagnosticWithLocation[],
): readonly ts.DiagnosticWithLocation[] {
  const { parseDiagnostics, commentDirectives = [] } = internals(cell);
  if (commentDirectives.length === 0 || parseDiagnostics.length > 0) return found;
  const directives = internal.createCommentDirectivesMap(cell, commentDirectives);
  const lines = cell.text.split(/\r?\n/);
  const isSilenced = (error: ts.DiagnosticWithLocation): boolean => {
    for (let line = cell.getLineAndCharacterOfPosition(error.start).line - 1; line >= 0; line--) {
      if (directives.markUsed(line)) return true;
      const content = lines[line]!.trim();
      if (content !== '' && !content.startsWith('//')) return false;
    }
    return false;
  };
  const kept = found.filter((error) => !isSilenced(error));
  const unused = directives
    .getUnusedExpectations()
    .map(({ range }) =>
      located(cell, range.pos, range.end - range.pos, unusedExpectation.code, unusedExpectation.text),
    );
  return [...kept, ...unused];
}

export function located(
  file: ts.SourceFile,
  start: number,
  length: number,
  code: number,
  messageText: string,
): ts.DiagnosticWithLocation {
  return { file, start, length, code, messageText, category: ts.DiagnosticCategory.Error };
}

/** What the kernel itself refuses in this cell. */
export function refused(cell: ts.SourceFile): ts.DiagnosticWithLocation[] {
  return refusals(cell).map(({ start, length, message }) => located(cell, start, length, 0, message));
}

function text(diagnostic: ts.Diagnostic): string {
  return ts.flattenDiagnosticMessageText(diagnostic.messageText, '\n');
}

export function reject(
  cell: ts.SourceFile,
  name: string | number,
  errors: readonly ts.DiagnosticWithLocation[],
): Rejected {
  nameCell(cell, name);
  const folder = dirname(cell.fileName);
  const found = errors.map((item) => withHint(item, folder));
  const pretty = prettyDiagnostics(found, folder);
  return {
    ok: false,
    diagnostics: found.map((item) => plainDiagnostic(item, item.file === cell ? undefined : folder)),
    pretty,
    plain: stripVTControlCharacters(pretty),
    traceback: tracebackOf(found, folder),
  };
}

/** What `reject` says, error by error. */
export function shown(
  cell: ts.SourceFile,
  name: string,
  found: readonly ts.DiagnosticWithLocation[],
): ShownDiagnostic[] {
  return found.map((item) => {
    const { diagnostics, pretty } = reject(cell, name, [item]);
    return { ...diagnostics[0]!, pretty };
  });
}

/** @param folder the notebook's, for errors that are not in the cell */
function plainDiagnostic(item: ts.DiagnosticWithLocation, folder: string | undefined): Diagnostic {
  const { line, character } = item.file.getLineAndCharacterOfPosition(item.start);
  return {
    code: item.code,
    message: messageText(item),
    start: item.start,
    length: item.length,
    line: line + 1,
    column: character + 1,
    ...(folder === undefined ? {} : { file: fileLabel(item.file, folder) }),
  };
}
