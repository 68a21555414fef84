/**
 * `{ a: 1 }` as a whole cell is an object, as in every console: where a cell begins with a brace, does not end with a
 * semicolon and is an expression. Otherwise it is a block.
 */
import ts from 'typescript';
import { internals } from './typescript-internal.js';

/** The text as an expression that may begin a statement; the ends are the user's own lines. */
export function inParentheses(code: string): string {
  return `(${code}\n)`;
}

const objects = new WeakSet<ts.SourceFile>();

export function isObjectCell(file: ts.SourceFile): boolean {
  return objects.has(file);
}

/** The cell as an expression with every position that of `code`; undefined where it is something else. */
export function parseObjectCell(
  code: string,
  parse: (text: string) => ts.SourceFile,
): ts.SourceFile | undefined {
  if (!beginsWithBrace(code) || code.trimEnd().endsWith(';')) return undefined;
  const file = parse(inParentheses(code));
  const [statement, ...others] = file.statements;
  if (internals(file).parseDiagnostics.length > 0 || others.length > 0) return undefined;
  if (!statement || !ts.isExpressionStatement(statement)) return undefined;
  const parenthesized = statement.expression;
  if (!ts.isParenthesizedExpression(parenthesized) || isLikeBlock(parenthesized.expression)) return undefined;
  Object.assign(statement, { expression: parenthesized.expression });
  Object.assign(parenthesized.expression, { parent: statement });
  moveBack(file, 1, code.length);
  Object.assign(file, { text: code, lineMap: undefined });
  objects.add(file);
  return file;
}

function beginsWithBrace(code: string): boolean {
  // The scanner, not a regular expression: over comments those try every way to divide them, for ever.
  const scanner = ts.createScanner(ts.ScriptTarget.ESNext, true, ts.LanguageVariant.Standard, code);
  return scanner.scan() === ts.SyntaxKind.OpenBraceToken;
}

const statementWords = new Set([
  'if',
  'for',
  'while',
  'with',
  'switch',
  'catch',
  'do',
  'else',
  'try',
  'finally',
]);

/** `{ if (a) { … } }` would be an object with a method `if`. */
function isLikeBlock(node: ts.Expression): boolean {
  return (
    ts.isObjectLiteralExpression(node) &&
    node.properties.some(
      (member) => ts.isMethodDeclaration(member) && statementWords.has(member.name.getText()),
    )
  );
}

/** Shifts the positions of a tree by some characters towards the start. */
function moveBack(root: object, by: number, end: number): void {
  const seen = new Set<object>();
  const shifted = (position: number) => Math.min(end, Math.max(0, position - by));
  const visit = (value: unknown): void => {
    if (typeof value !== 'object' || value === null || seen.has(value)) return;
    seen.add(value);
    if (value instanceof Map) return;
    const range = value as { pos?: unknown; end?: unknown };
    if (typeof range.pos === 'number') range.pos = shifted(range.pos);
    if (typeof range.end === 'number') range.end = shifted(range.end);
    for (const [key, child] of Object.entries(value)) if (key !== 'parent') visit(child);
  };
  visit(root);
}
