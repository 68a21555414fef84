/** Hover: the signature of what is under the cursor, its documentation, and on request where it is declared. */
import { basename } from 'node:path';
import ts from 'typescript';
import { escapeHtml } from '../../src/display/html.js';
import { cellName } from './cell-names.js';
import { documentationOf } from './documentation.js';
import { documentationHtml } from './documentation-html.js';
import type { InspectResult } from './engine.js';
import { withoutPaths } from './readable-paths.js';
import { internal, resolveName } from './typescript-internal.js';

const mostOverloads = 6;

const notFound: InspectResult = { found: false, text: '' };

export function inspect(
  cell: ts.SourceFile,
  cursor: number,
  detail: 0 | 1,
  checker: ts.TypeChecker,
): InspectResult {
  const node = nodeAt(cell, cursor);
  if (!node) return notFound;
  const symbol = symbolAt(node, checker);
  if (!symbol || isUnknown(symbol, checker)) return typeOnly(node, cell, checker);
  const parts = displayOf(symbol, node, cell, checker);
  const signature = overloads(node, cell, checker) ?? ts.displayPartsToString(parts.displayParts);
  const target = symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;
  const documentation = documentationOf(target) || documentationOfType(target, node, checker);
  return result(withoutPaths(signature), documentation, detail === 1 ? declared(target) : '');
}

/** `const matMul: typeof matMul_`: the comments stand at the function the type comes from. */
function documentationOfType(symbol: ts.Symbol, node: ts.Node, checker: ts.TypeChecker): string {
  const origin = checker.getTypeOfSymbolAtLocation(symbol, node).symbol as ts.Symbol | undefined;
  return origin && origin.flags & ts.SymbolFlags.Function ? documentationOf(origin) : '';
}

/** An identifier under or just before the cursor; inside the parentheses of a call, the function called. */
function nodeAt(cell: ts.SourceFile, cursor: number): ts.Node | undefined {
  for (const position of [cursor, cursor - 1]) {
    if (position < 0) continue;
    const node = internal.getTouchingPropertyName(cell, position);
    if (node.kind === ts.SyntaxKind.ThisKeyword || ts.isIdentifier(node) || ts.isPrivateIdentifier(node))
      return node;
  }
  let node = internal.findPrecedingToken(cursor, cell);
  while (node && node !== cell) {
    const isClosed = node.getLastToken(cell)?.kind === ts.SyntaxKind.CloseParenToken && cursor >= node.end;
    if (
      !isClosed &&
      (ts.isCallExpression(node) || ts.isNewExpression(node)) &&
      cursor > node.expression.end
    ) {
      return ts.isPropertyAccessExpression(node.expression) ? node.expression.name : node.expression;
    }
    node = node.parent;
  }
  return undefined;
}

/** A type's name where a value stands is still worth an answer: it is being looked up, not run. */
function symbolAt(node: ts.Node, checker: ts.TypeChecker): ts.Symbol | undefined {
  const symbol = checker.getSymbolAtLocation(node);
  if (symbol && !isUnknown(symbol, checker)) return symbol;
  const isName = ts.isIdentifier(node) && !ts.isPropertyAccessExpression(node.parent);
  return isName ? resolveName(checker, node) : undefined;
}

function displayOf(symbol: ts.Symbol, node: ts.Node, cell: ts.SourceFile, checker: ts.TypeChecker) {
  const display = (file: ts.SourceFile, place: ts.Node) =>
    internal.SymbolDisplay.getSymbolDisplayPartsDocumentationAndSymbolKind(
      checker,
      symbol,
      file,
      internal.getContainerNode(place),
      place,
    );
  const here = display(cell, node);
  const declaration = symbol.declarations?.[0];
  const name = declaration && ts.getNameOfDeclaration(declaration);
  return here.displayParts.length || !name ? here : display(name.getSourceFile(), name);
}

/** All signatures of an overloaded function that is called here: which one is meant is not known while it is typed. */
function overloads(node: ts.Node, cell: ts.SourceFile, checker: ts.TypeChecker): string | undefined {
  const callee = ts.isPropertyAccessExpression(node.parent) && node.parent.name === node ? node.parent : node;
  if (!ts.isCallExpression(callee.parent) || callee.parent.expression !== callee) return undefined;
  const signatures = checker.getTypeAtLocation(callee).getCallSignatures();
  if (signatures.length < 2) return undefined;
  const lines = signatures
    .slice(0, mostOverloads)
    .map((item) => `${node.getText(cell)}${checker.signatureToString(item, cell)}`);
  const rest = signatures.length - mostOverloads;
  return rest > 0 ? `${lines.join('\n')}\n… and ${rest} more` : lines.join('\n');
}

function isUnknown(symbol: ts.Symbol, checker: ts.TypeChecker): boolean {
  return checker.isUnknownSymbol(symbol) || (symbol.escapedName as string) === '__unknown';
}

function typeOnly(node: ts.Node, cell: ts.SourceFile, checker: ts.TypeChecker): InspectResult {
  const type = checker.getTypeAtLocation(node);
  if (type.flags & ts.TypeFlags.Any) return notFound;
  return result(withoutPaths(checker.typeToString(type, cell)), '', '');
}

/** Where a symbol is declared and, if it is the user's own, its source. */
function declared(symbol: ts.Symbol): string {
  const declaration = symbol.declarations?.[0];
  if (!declaration) return '';
  const file = declaration.getSourceFile();
  const line = file.getLineAndCharacterOfPosition(declaration.getStart(file)).line + 1;
  const place = `Declared in ${cellName(file) ?? shortPath(file)}, line ${line}`;
  if (file.isDeclarationFile) return place;
  const whole = ts.isVariableDeclaration(declaration) ? declaration.parent.parent : declaration;
  return `${place}:\n\n${whole.getText(file)}`;
}

function shortPath({ fileName, isDeclarationFile }: ts.SourceFile): string {
  return isDeclarationFile ? fileName.split('/node_modules/').at(-1)! : basename(fileName);
}

function result(signature: string, documentation: string, declaration: string): InspectResult {
  const sections = [signature, documentation, declaration].filter(Boolean);
  const html = [`<pre><code>${escapeHtml(signature)}</code></pre>`];
  if (documentation) html.push(documentationHtml(documentation));
  if (declaration) html.push(`<pre>${escapeHtml(declaration)}</pre>`);
  return { found: true, text: sections.join('\n\n'), html: html.join('\n') };
}
