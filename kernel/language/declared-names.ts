/**
 * The names a cell declares for later cells and those it refers to, for the analysis of a whole notebook. References
 * are taken by their spelling, whatever they mean in an inner scope: a name is called unused only where it surely is.
 */
import ts from 'typescript';
import { dialect } from '../dialect.js';
import type { DeclaredName } from './engine.js';
import { withoutPaths } from './readable-paths.js';
import { visibleSymbol } from './typescript-internal.js';

type Kind = DeclaredName['kind'];

/** @param earlier what the cells before this one mean by a name */
export function declaredNames(
  cell: ts.SourceFile,
  checker: ts.TypeChecker,
  earlier: (name: string) => ts.Symbol | undefined,
): DeclaredName[] {
  const found = new Map<string, DeclaredName>();
  const add = (name: ts.Identifier, kind: Kind, isMeantForUse: boolean): void => {
    if (found.has(name.text)) return;
    const start = name.getStart(cell);
    const { line, character } = cell.getLineAndCharacterOfPosition(start);
    const before = earlier(name.text);
    const changes = before && changeOfType(before, name, cell, checker);
    const place = { start, length: name.end - start, line: line + 1, column: character + 1 };
    found.set(name.text, { name: name.text, kind, isMeantForUse, ...place, ...(changes && { changes }) });
  };
  for (const statement of cell.statements) declarationsOf(statement, add);
  return [...found.values()];
}

function declarationsOf(
  statement: ts.Statement,
  add: (name: ts.Identifier, kind: Kind, isMeantForUse: boolean) => void,
): void {
  if (ts.isImportDeclaration(statement)) {
    const { name, namedBindings } = statement.importClause ?? {};
    if (name) add(name, 'import', true);
    if (namedBindings && ts.isNamespaceImport(namedBindings)) add(namedBindings.name, 'import', true);
    else for (const element of namedBindings?.elements ?? []) add(element.name, 'import', true);
    return;
  }
  const isMeantForUse = !(
    ts.canHaveModifiers(statement) &&
    ts.getModifiers(statement)?.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword)
  );
  if (ts.isVariableStatement(statement)) {
    for (const { name } of statement.declarationList.declarations)
      bindingNames(name, isMeantForUse, (id, isMeant) => add(id, 'variable', isMeant));
  } else if (ts.isImportEqualsDeclaration(statement)) add(statement.name, 'import', isMeantForUse);
  else if (ts.isModuleDeclaration(statement)) {
    if (ts.isIdentifier(statement.name)) add(statement.name, 'namespace', isMeantForUse);
  } else if (ts.isFunctionDeclaration(statement) || ts.isClassDeclaration(statement)) {
    const kind = ts.isClassDeclaration(statement) ? 'class' : 'function';
    if (statement.name) add(statement.name, kind, isMeantForUse);
  } else if (ts.isInterfaceDeclaration(statement) || ts.isTypeAliasDeclaration(statement))
    add(statement.name, 'type', isMeantForUse);
  else if (ts.isEnumDeclaration(statement)) add(statement.name, 'enum', isMeantForUse);
}

/** `const { a, ...rest }` names `a` to leave it out of `rest`; the middle of `[a, b, c]` cannot well be left out either. */
function bindingNames(
  name: ts.BindingName,
  isMeantForUse: boolean,
  add: (name: ts.Identifier, isMeantForUse: boolean) => void,
): void {
  if (ts.isIdentifier(name)) {
    add(name, isMeantForUse);
    return;
  }
  const elements = [...name.elements].filter(ts.isBindingElement);
  const isLeftOut = ts.isArrayBindingPattern(name) || elements.some((element) => element.dotDotDotToken);
  for (const element of elements) bindingNames(element.name, isMeantForUse && !isLeftOut, add);
}

/** Both types as text, where a name gets a meaning that its earlier uses could not have had. */
function changeOfType(
  before: ts.Symbol,
  name: ts.Identifier,
  cell: ts.SourceFile,
  checker: ts.TypeChecker,
): DeclaredName['changes'] {
  const local = checker.getSymbolAtLocation(name);
  if (!local) return undefined;
  const symbols = [before, visibleSymbol(local)].map((symbol) =>
    symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol,
  );
  const [from, to] = symbols as [ts.Symbol, ts.Symbol];
  if (from === to) return undefined;
  const types = commonMeaning(from, to, checker);
  if (!types) return undefined;
  const [old, now] = types;
  if (checker.isTypeAssignableTo(old, now) || checker.isTypeAssignableTo(now, old)) return undefined;
  const text = (type: ts.Type) => withoutPaths(checker.typeToString(type, cell));
  return { from: text(old), to: text(now) };
}

/** A value and a type of one name live side by side; only like is compared with like. */
function commonMeaning(
  from: ts.Symbol,
  to: ts.Symbol,
  checker: ts.TypeChecker,
): [ts.Type, ts.Type] | undefined {
  const share = (meaning: ts.SymbolFlags) => (from.flags & meaning) !== 0 && (to.flags & meaning) !== 0;
  const both = (type: (symbol: ts.Symbol) => ts.Type): [ts.Type, ts.Type] => [type(from), type(to)];
  if (share(ts.SymbolFlags.Value))
    return both((symbol) => checker.getBaseTypeOfLiteralType(checker.getTypeOfSymbol(symbol)));
  return share(ts.SymbolFlags.Type) ? both((symbol) => checker.getDeclaredTypeOfSymbol(symbol)) : undefined;
}

/** Every name that stands where something is referred to. */
export function usedNames(cell: ts.SourceFile): string[] {
  const names = new Set<string>();
  const visit = (node: ts.Node): void => {
    if (ts.isIdentifier(node) && isReference(node)) names.add(node.text);
    ts.forEachChild(node, visit);
    // Types of JavaScript stand in comments.
    if (dialect() === 'jslab') for (const tag of ts.getJSDocTags(node)) ts.forEachChild(tag, visit);
  };
  ts.forEachChild(cell, visit);
  return [...names];
}

function isReference(node: ts.Identifier): boolean {
  const { parent } = node;
  if (ts.isShorthandPropertyAssignment(parent) || ts.isExportSpecifier(parent)) return true;
  if ('name' in parent && parent.name === node) return false;
  if (ts.isQualifiedName(parent)) return parent.left === node;
  return !((ts.isBindingElement(parent) || ts.isImportSpecifier(parent)) && parent.propertyName === node);
}
