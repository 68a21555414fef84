/** Hover: the signature of what is under the cursor, its documentation, and on request where it is declared. */
import { basename } from 'node:path';
import ts from 'typescript';
import { escapeHtml } from '../../src/html.js';
import { cellName } from './cell-names.js';
import { documentationOf } from './documentation.js';
import type { InspectResult } from './engine.js';
import { internal } from './typescript-internal.js';

const notFound: InspectResult = { found: false, text: '' };

export function inspect(
  cell: ts.SourceFile,
  cursor: number,
  detail: 0 | 1,
  checker: ts.TypeChecker,
): InspectResult {
  const node = nodeAt(cell, cursor);
  if (!node) return notFound;
  const symbol = checker.getSymbolAtLocation(node);
  if (!symbol || isUnknown(symbol, checker)) return typeOnly(node, cell, checker);
  const parts = internal.SymbolDisplay.getSymbolDisplayPartsDocumentationAndSymbolKind(
    checker,
    symbol,
    cell,
    internal.getContainerNode(node),
    node,
  );
  const signature = withoutCellPaths(ts.displayPartsToString(parts.displayParts));
  const target = symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;
  const documentation = documentationOf(target) || documentationOfType(target, node, checker);
  return result(signature, documentation, detail === 1 ? declared(target) : '');
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
  let node = internal.getTouchingPropertyName(cell, Math.max(0, cursor - 1));
  while (node !== cell && node.parent) {
    if ((ts.isCallExpression(node) || ts.isNewExpression(node)) && cursor > node.expression.end) {
      return ts.isPropertyAccessExpression(node.expression) ? node.expression.name : node.expression;
    }
    node = node.parent;
  }
  return undefined;
}

function isUnknown(symbol: ts.Symbol, checker: ts.TypeChecker): boolean {
  return checker.isUnknownSymbol(symbol) || (symbol.escapedName as string) === '__unknown';
}

function typeOnly(node: ts.Node, cell: ts.SourceFile, checker: ts.TypeChecker): InspectResult {
  const type = checker.getTypeAtLocation(node);
  if (type.flags & ts.TypeFlags.Any) return notFound;
  return result(withoutCellPaths(checker.typeToString(type, cell)), '', '');
}

function withoutCellPaths(text: string): string {
  return text.replaceAll(/(typeof )?import\("[^"]*__cell_\d+"\)\.?/g, '$1');
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
  if (documentation) html.push(`<p style="white-space: pre-wrap">${escapeHtml(documentation)}</p>`);
  if (declaration) html.push(`<pre>${escapeHtml(declaration)}</pre>`);
  return { found: true, text: sections.join('\n\n'), html: html.join('\n') };
}
