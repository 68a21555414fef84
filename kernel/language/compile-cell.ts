/** A checked cell to what the evaluator runs: types stripped, then rewritten for one shared scope. */
import { parseSync } from 'oxc-parser';
import { transformSync } from 'oxc-transform';
import ts from 'typescript';
import type { CompiledCell } from './engine.js';
import { rewrite } from './rewrite.js';
import { transpile } from './transpile.js';
import { eraseTypeImports } from './type-imports.js';

const tools = {
  parser: () => ({ parseSync }),
  transformer: () => ({ transformSync }),
  compiler: () => ts,
};

export function compileCell(cell: ts.SourceFile, checker: ts.TypeChecker, count: number): CompiledCell {
  const { source: text, names } = eraseTypeImports(cell, checker);
  const source = { fileName: 'cell.ts', text, format: 'module' as const, keepsImports: true };
  const transpiled = transpile(source, tools);
  const { js, declares, usesAwait, mappings } = rewrite(transpiled.js, names);
  return { count, source: cell.text, js, declares, usesAwait, mappings: [mappings, transpiled.mappings] };
}
