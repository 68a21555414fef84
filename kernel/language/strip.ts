/**
 * From TypeScript to JavaScript, one cell at a time, with a source map. oxc does it in microseconds; TypeScript's own
 * emitter takes over for what oxc leaves alone: standard decorators, `using`, namespaces that export variables.
 */
import { transformSync } from 'oxc-transform';
import ts from 'typescript';

export interface Stripped {
  js: string;
  mappings: string;
}

export function strip(cell: ts.SourceFile, text: string): Stripped {
  // A script that was pasted may begin with `#!`.
  const source = text.replace(/^#!/, '//');
  return needsEmitter(cell) ? emit(source) : (stripQuickly(source) ?? emit(source));
}

function stripQuickly(source: string): Stripped | undefined {
  const result = transformSync('cell.ts', source, {
    lang: 'ts',
    sourceType: 'module',
    sourcemap: true,
    typescript: { onlyRemoveTypeImports: true },
  });
  if (result.errors.length > 0) return undefined;
  return { js: result.code, mappings: result.map?.mappings ?? '' };
}

function emit(source: string): Stripped {
  const { outputText, sourceMapText } = ts.transpileModule(source, {
    fileName: 'cell.ts',
    compilerOptions: {
      target: ts.ScriptTarget.ES2022,
      module: ts.ModuleKind.ESNext,
      verbatimModuleSyntax: true,
      sourceMap: true,
    },
  });
  const map = JSON.parse(sourceMapText ?? '{"mappings":""}') as { mappings: string };
  return { js: outputText.replace(/\n?\/\/# sourceMappingURL=.*\s*$/, '\n'), mappings: map.mappings };
}

function needsEmitter(cell: ts.SourceFile): boolean {
  if (!/@|\busing\b/.test(cell.text)) return false;
  const find = (node: ts.Node): boolean =>
    ts.isDecorator(node) ||
    (ts.isVariableDeclarationList(node) && (node.flags & ts.NodeFlags.Using) === ts.NodeFlags.Using) ||
    ts.forEachChild(node, find) === true;
  return find(cell);
}
