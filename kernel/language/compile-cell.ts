/** A checked cell to what the evaluator runs: types stripped, then rewritten for one shared scope. */
import type ts from 'typescript';
import type { CompiledCell } from './engine.js';
import { rewrite } from './rewrite.js';
import { strip } from './strip.js';
import { eraseTypeImports } from './type-imports.js';

export function compileCell(cell: ts.SourceFile, checker: ts.TypeChecker, count: number): CompiledCell {
  const { source, names } = eraseTypeImports(cell, checker);
  const stripped = strip(cell, source);
  const { js, declares, usesAwait, mappings } = rewrite(stripped.js, names);
  return { count, source: cell.text, js, declares, usesAwait, mappings: [mappings, stripped.mappings] };
}
