/** The names of other cells that a cell refers to, with the scopes inside it, and those it declares or changes. */
import ts from 'typescript';
import { worldName } from './cell.js';

/** Calls that show or check something and leave nothing behind. */
const showing = /^(?:console|plot|display|profile|verify\w*|refute|expectThrows|assert|describe)\b/;

export function namesOf(file: ts.SourceFile): { reads: Set<string>; writes: Set<string> } {
  const declared = new Set<string>();
  for (const statement of file.statements) declaredBy(statement, declared);
  const imported = new Set<string>();
  for (const statement of file.statements)
    if (ts.isImportDeclaration(statement)) declaredBy(statement, imported);
  const reads = new Set<string>();
  const writes = new Set(declared);
  walk(file, [], { reads, writes });
  for (const statement of file.statements) {
    const root = changedInPlace(statement);
    if (root === undefined) continue;
    if (reads.has(root) && !imported.has(root) && isOwnObject(root)) writes.add(root);
    else if (!declared.has(root) || imported.has(root)) writes.add(worldName);
  }
  // A name that is declared here and nowhere assigned from outside is this cell's own.
  for (const name of declared) reads.delete(name);
  reads.add(worldName);
  return { reads, writes };
}

/** `tf.setBackend(…)` changes the process, `losses.push(…)` a value; the library's namespace is known by its name. */
function isOwnObject(root: string): boolean {
  return root !== 'tf' && root !== 'globalThis' && root !== 'process';
}

/** The root of a statement that only calls something: `a` of `a.push(1)`, `f` of `await f()`. */
function changedInPlace(statement: ts.Statement): string | undefined {
  if (!ts.isExpressionStatement(statement)) return undefined;
  let node: ts.Expression = statement.expression;
  while (ts.isAwaitExpression(node) || ts.isParenthesizedExpression(node) || ts.isVoidExpression(node))
    node = node.expression;
  if (!ts.isCallExpression(node) || showing.test(node.expression.getText())) return undefined;
  let callee: ts.Expression = node.expression;
  while (
    ts.isPropertyAccessExpression(callee) ||
    ts.isElementAccessExpression(callee) ||
    ts.isCallExpression(callee)
  )
    callee = callee.expression;
  return ts.isIdentifier(callee) ? callee.text : undefined;
}

type Scopes = readonly ReadonlySet<string>[];

function walk(node: ts.Node, scopes: Scopes, found: { reads: Set<string>; writes: Set<string> }): void {
  const inner = ts.isSourceFile(node) ? scopes : withScope(node, scopes);
  if (ts.isIdentifier(node)) {
    if (isReference(node) && !scopes.some((scope) => scope.has(node.text))) {
      found.reads.add(node.text);
      if (isAssigned(node)) found.writes.add(node.text);
    }
    return;
  }
  ts.forEachChild(node, (child) => walk(child, inner, found));
}

function withScope(node: ts.Node, scopes: Scopes): Scopes {
  const names = new Set<string>();
  if (ts.isFunctionLike(node)) {
    for (const parameter of node.parameters) bindingNames(parameter.name, names);
    for (const parameter of node.typeParameters ?? []) names.add(parameter.name.text);
    if (ts.isFunctionExpression(node) && node.name) names.add(node.name.text);
  } else if (ts.isBlock(node) || ts.isCaseBlock(node)) {
    const statements = ts.isBlock(node)
      ? node.statements
      : node.clauses.flatMap((one) => [...one.statements]);
    for (const statement of statements) declaredBy(statement, names);
  } else if (ts.isForStatement(node) || ts.isForOfStatement(node) || ts.isForInStatement(node)) {
    const { initializer } = node;
    if (initializer && ts.isVariableDeclarationList(initializer))
      for (const { name } of initializer.declarations) bindingNames(name, names);
  } else if (ts.isCatchClause(node) && node.variableDeclaration)
    bindingNames(node.variableDeclaration.name, names);
  else if (ts.isTypeAliasDeclaration(node) || ts.isInterfaceDeclaration(node) || ts.isClassLike(node))
    for (const parameter of node.typeParameters ?? []) names.add(parameter.name.text);
  return names.size === 0 ? scopes : [...scopes, names];
}

function declaredBy(statement: ts.Statement, names: Set<string>): void {
  if (ts.isVariableStatement(statement))
    for (const { name } of statement.declarationList.declarations) bindingNames(name, names);
  else if (ts.isImportDeclaration(statement)) {
    const { name, namedBindings } = statement.importClause ?? {};
    if (name) names.add(name.text);
    if (namedBindings && ts.isNamespaceImport(namedBindings)) names.add(namedBindings.name.text);
    else for (const element of namedBindings?.elements ?? []) names.add(element.name.text);
  } else {
    const { name } = statement as Partial<ts.DeclarationStatement>;
    if (name && ts.isIdentifier(name)) names.add(name.text);
  }
}

function bindingNames(name: ts.BindingName, names: Set<string>): void {
  if (ts.isIdentifier(name)) {
    names.add(name.text);
    return;
  }
  for (const element of name.elements) if (ts.isBindingElement(element)) bindingNames(element.name, names);
}

function isReference(node: ts.Identifier): boolean {
  const { parent } = node;
  if (ts.isShorthandPropertyAssignment(parent)) return true;
  if ('name' in parent && parent.name === node) return false;
  if (ts.isQualifiedName(parent)) return parent.left === node;
  if (ts.isImportSpecifier(parent) || ts.isImportClause(parent)) return false;
  if (ts.isLabeledStatement(parent) || ts.isBreakOrContinueStatement(parent)) return false;
  return !(ts.isBindingElement(parent) && parent.propertyName === node);
}

function isAssigned(node: ts.Identifier): boolean {
  let top: ts.Node = node;
  while (ts.isElementAccessExpression(top.parent) || ts.isPropertyAccessExpression(top.parent)) {
    if (top.parent.expression !== top) return false;
    top = top.parent;
  }
  const { parent } = top;
  if (ts.isBinaryExpression(parent) && parent.left === top) {
    const { kind } = parent.operatorToken;
    return kind >= ts.SyntaxKind.FirstAssignment && kind <= ts.SyntaxKind.LastAssignment;
  }
  if (ts.isPrefixUnaryExpression(parent) || ts.isPostfixUnaryExpression(parent))
    return (
      parent.operator === ts.SyntaxKind.PlusPlusToken || parent.operator === ts.SyntaxKind.MinusMinusToken
    );
  return false;
}
