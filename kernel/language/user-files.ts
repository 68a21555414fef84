/** The user's own TypeScript files that a cell imports, directly or through each other: their errors are the cell's. */
import type ts from 'typescript';
import { applyDirectives, relevant } from './diagnostics.js';
import { internals, resolvedFile } from './typescript-internal.js';

/** @param program a program that knows the cell's imports */
export function userFilesOf(cell: ts.SourceFile, program: ts.Program): ts.SourceFile[] {
  const reached = new Set([cell]);
  for (const file of reached)
    for (const literal of internals(file).imports) {
      const target = resolvedFile(program, literal, file);
      const imported = target === undefined ? undefined : program.getSourceFile(target);
      if (imported && isUsers(imported)) reached.add(imported);
    }
  reached.delete(cell);
  return [...reached];
}

function isUsers({ fileName, isDeclarationFile }: ts.SourceFile): boolean {
  return !isDeclarationFile && /\.(?:[cm]?ts|tsx)$/.test(fileName) && !fileName.includes('/node_modules/');
}

/** The errors of these files; syntax errors of a file hide its others. */
export function fileErrors(
  files: readonly ts.SourceFile[],
  check: (file: ts.SourceFile) => readonly ts.DiagnosticWithLocation[],
): ts.DiagnosticWithLocation[] {
  return files.flatMap((file) => {
    const { parseDiagnostics } = internals(file);
    return relevant(parseDiagnostics.length ? parseDiagnostics : applyDirectives(file, check(file)));
  });
}
