/** A checked cell to what the evaluator runs: types stripped, then rewritten for one shared scope. */
import MagicString from 'magic-string';
import { parseSync } from 'oxc-parser';
import { transformSync } from 'oxc-transform';
import ts from 'typescript';
import type { CompiledCell } from './engine.js';
import { isObjectCell } from './object-cell.js';
import { rewrite } from './rewrite.js';
import { transpile } from './transpile.js';
import { eraseTypeImports } from './type-imports.js';

const tools = {
  parser: () => ({ parseSync }),
  transformer: () => ({ transformSync }),
  compiler: () => ts,
};

export function compileCell(cell: ts.SourceFile, checker: ts.TypeChecker, count: number): CompiledCell {
  const { source, names } = eraseTypeImports(cell, checker);
  const wrapped = isObjectCell(cell) ? wrap(source) : undefined;
  const transpiled = transpile(
    { fileName: 'cell.ts', text: wrapped?.text ?? source, format: 'module', keepsImports: true },
    tools,
  );
  const { js, declares, usesAwait, mappings } = rewrite(transpiled.js, names);
  const steps = [mappings, transpiled.mappings, ...(wrapped ? [wrapped.mappings] : [])];
  return { count, source: cell.text, js, declares, usesAwait, mappings: steps };
}

function wrap(source: string): { text: string; mappings: string } {
  const text = new MagicString(source).prepend('(').append('\n)');
  return { text: text.toString(), mappings: text.generateMap({ hires: true }).mappings };
}
