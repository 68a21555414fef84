/**
 * Published TypeScript packages cut into cells: each top-level statement is a cell, after the statements it refers to;
 * statements that refer to each other, and overloads of one function, stay together.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import ts from 'typescript';

export const publishedPackages = ['rxjs', 'immer', 'zod', '@reduxjs/toolkit'];

/**
 * Tests need a runner; the React parts need React; locales are forty times the same file; the types of `query` and of
 * zod's `v3/types.ts` (one cell, as all its classes refer to each other) take longer than all others together.
 */
const leftOut = /\/(tests?|testing|benchmarks|locales|react|query|v3\/types\.ts)(\/|$)/;

export interface PublishedSource {
  name: string;
  cells: string[];
  /** The top-level statements in these cells. */
  statements: number;
}

export function publishedSources(root: string, name: string): PublishedSource[] {
  const folder = join(root, 'node_modules', name, 'src');
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((path) => /\.ts$/.test(path) && !/\.(d|test)\.ts$/.test(path) && !leftOut.test(`/${path}`))
    .sort()
    .map((path) => cut(join(folder, path), `${name}/${path}`))
    .filter((source) => source.cells.length > 0);
}

function cut(path: string, name: string): PublishedSource {
  const file = ts.createSourceFile(path, readFileSync(path, 'utf8'), ts.ScriptTarget.ESNext, true);
  // Augmentations of other modules would reach the cells of all other sources.
  const augments = file.statements.some(
    (node) => ts.isModuleDeclaration(node) && !ts.isIdentifier(node.name),
  );
  if (augments) return { name, cells: [], statements: 0 };
  const groups = byDependency(file.statements.map((node) => describe(node, file)));
  return {
    name,
    cells: groups.map((group) => group.map(({ text }) => absoluteImports(text, dirname(path))).join('\n')),
    statements: file.statements.length,
  };
}

interface Statement {
  index: number;
  text: string;
  declares: string[];
  words: Set<string>;
}

function describe(node: ts.Statement, file: ts.SourceFile): Statement {
  const text = node.getFullText(file).trim();
  const declares: string[] = [];
  const bind = (name: ts.BindingName): void => {
    if (ts.isIdentifier(name)) declares.push(name.text);
    else for (const item of name.elements) if (ts.isBindingElement(item)) bind(item.name);
  };
  if (ts.isVariableStatement(node)) for (const { name } of node.declarationList.declarations) bind(name);
  else if (ts.isImportDeclaration(node)) {
    const { name, namedBindings } = node.importClause ?? {};
    if (name) declares.push(name.text);
    if (namedBindings && ts.isNamespaceImport(namedBindings)) declares.push(namedBindings.name.text);
    else for (const item of namedBindings?.elements ?? []) declares.push(item.name.text);
  } else if ('name' in node && ts.isIdentifier(node.name as ts.Node))
    declares.push((node.name as ts.Identifier).text);
  const words = new Set(node.getText(file).match(/[\p{ID_Start}$_][\p{ID_Continue}$]*/gu));
  return { index: file.statements.indexOf(node), text, declares, words };
}

/** Tarjan's strongly connected components; each comes out after those it depends on. */
function byDependency(statements: Statement[]): Statement[][] {
  const declaring = new Map<string, Statement[]>();
  for (const item of statements)
    for (const name of item.declares) declaring.set(name, [...(declaring.get(name) ?? []), item]);
  const groups: Statement[][] = [];
  const order = new Map<Statement, number>();
  const lowest = new Map<Statement, number>();
  const stack: Statement[] = [];
  const visit = (item: Statement): void => {
    order.set(item, order.size);
    lowest.set(item, order.get(item)!);
    stack.push(item);
    const needed = [...item.words].flatMap((word) => declaring.get(word) ?? []);
    for (const other of needed) {
      if (!order.has(other)) visit(other);
      if (stack.includes(other)) lowest.set(item, Math.min(lowest.get(item)!, lowest.get(other)!));
    }
    if (lowest.get(item) !== order.get(item)) return;
    groups.push(stack.splice(stack.indexOf(item)).sort((a, b) => a.index - b.index));
  };
  for (const item of statements) if (!order.has(item)) visit(item);
  return groups;
}

/** Relative imports as they must read from elsewhere. */
function absoluteImports(text: string, folder: string): string {
  return text.replaceAll(
    /(\bfrom\s+|\bimport\s*\(\s*|\bimport\s+)(['"])(\.{1,2}(?:\/[^'"]*)?)\2/g,
    (_, before: string, quote: string, path: string) => before + quote + resolve(folder, path) + quote,
  );
}
