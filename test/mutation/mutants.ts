/**
 * Small changes to a source text, each of which must break a test: a sign, an operator, a comparison or a constant, in
 * TypeScript and in the WGSL of template strings. Left alone are messages, types, and the heads of loops, whose change
 * may never end.
 */
import ts from 'typescript';
import { applied, type Edit } from '../../scripts/audit/mutants/edit.js';
import { callSwaps, isText, swaps } from '../../scripts/audit/mutants/operators.js';

export interface Mutant {
  /** Top-level declaration that it is in. */
  declaration: string;
  line: number;
  /** The line of source, and what becomes of it. */
  text: string;
  mutated: string;
  /** The whole source with the change. */
  source: string;
}

/** All mutants of a source text, in order. */
export function mutantsOf(path: string, text: string): Mutant[] {
  const file = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true);
  return file.statements.flatMap((statement) => {
    const changes: Edit[] = [];
    visit(statement, changes);
    return changes.map((change) => mutant(file, nameOf(statement), change));
  });
}

function nameOf(statement: ts.Statement): string {
  if (ts.isVariableStatement(statement)) return statement.declarationList.declarations[0]!.name.getText();
  return (statement as Partial<ts.DeclarationStatement>).name?.getText() ?? '';
}

function mutant(file: ts.SourceFile, declaration: string, change: Edit): Mutant {
  const { text } = file;
  const source = applied(text, change);
  const line = file.getLineAndCharacterOfPosition(change.start).line;
  const lineOf = (whole: string) => whole.split('\n')[line]!.trim();
  return { declaration, line: line + 1, text: lineOf(text), mutated: lineOf(source), source };
}

function visit(node: ts.Node, changes: Edit[]): void {
  if (ts.isThrowStatement(node) || ts.isTypeNode(node) || ts.isImportDeclaration(node)) return;
  if (ts.isWhileStatement(node) || ts.isDoStatement(node)) return;
  if (ts.isIfStatement(node) && throwsOnly(node.thenStatement)) return;
  if (ts.isForStatement(node)) {
    visit(node.statement, changes);
    return;
  }
  if (ts.isBinaryExpression(node)) {
    if (choosesPath(node)) return;
    binaryChanges(node, changes);
  }
  if (ts.isPropertyAccessExpression(node) && node.expression.getText() === 'tf') {
    const replacement = callSwaps[node.name.text];
    if (replacement) changes.push({ start: node.name.getStart(), end: node.name.getEnd(), replacement });
  }
  if (ts.isTemplateExpression(node) || ts.isNoSubstitutionTemplateLiteral(node)) shaderChanges(node, changes);
  // The negative number that is a whole argument is an axis; the last one of two may as well be called 1.
  const isAxis =
    ts.isCallExpression(node.parent) &&
    ts.isNumericLiteral((node as ts.PrefixUnaryExpression).operand ?? node);
  if (ts.isPrefixUnaryExpression(node) && node.operator === ts.SyntaxKind.MinusToken && !isAxis) {
    changes.push({ start: node.getStart(), end: node.operand.getStart(), replacement: '' });
  }
  ts.forEachChild(node, (child) => visit(child, changes));
}

/** Which form runs, and whether there is anything to compute, changes no result; the launch record is tested for it. */
function choosesPath(node: ts.BinaryExpression): boolean {
  return (
    node.operatorToken.kind === ts.SyntaxKind.AmpersandAmpersandToken && node.getText().includes("'fused'")
  );
}

/** The check of an argument; what it says is another test's matter. */
function throwsOnly(statement: ts.Statement): boolean {
  if (!ts.isBlock(statement)) return ts.isThrowStatement(statement);
  return statement.statements.length === 1 && ts.isThrowStatement(statement.statements[0]!);
}

function binaryChanges({ left, operatorToken, right }: ts.BinaryExpression, changes: Edit[]): void {
  const replacement = swaps[operatorToken.getText()];
  if (replacement === undefined || [left, right].some(isText)) return;
  changes.push({ start: operatorToken.getStart(), end: operatorToken.getEnd(), replacement });
  for (const operand of [left, right]) {
    if (!ts.isNumericLiteral(operand)) continue;
    changes.push({
      start: operand.getStart(),
      end: operand.getEnd(),
      replacement: `(${operand.getText()} + 1)`,
    });
  }
}

/** Operators between spaces, floating constants, minus signs; without the heads of loops and without comments. */
const shaderTokens = / (\+=|-=|\*=|[+\-*/]|<=|>=|<|>) |\b(\d+\.\d+)\b(?!p)|(?<=[(,=] ?)-(?=[a-z(])/g;

function shaderChanges(
  node: ts.TemplateExpression | ts.NoSubstitutionTemplateLiteral,
  changes: Edit[],
): void {
  const start = node.getStart();
  let text = node.getText();
  // What must not be touched becomes blanks of the same length: what is filled in, comments, heads of loops.
  const blank = (part: string) => '#'.repeat(part.length);
  for (const { expression } of ts.isTemplateExpression(node) ? node.templateSpans : []) {
    const at = expression.getStart() - start;
    text = text.slice(0, at) + blank(expression.getText()) + text.slice(expression.getEnd() - start);
  }
  text = text.replace(/\/\/.*|\bfor \([^;]*;[^;]*;[^{]*\{/g, blank);
  for (const match of text.matchAll(shaderTokens)) {
    const [all, operator, constant] = match;
    const at = start + match.index + (operator ? 1 : 0);
    if (operator) changes.push({ start: at, end: at + operator.length, replacement: swaps[operator]! });
    else if (constant)
      changes.push({ start: at, end: at + all.length, replacement: literal(Number(constant) + 1) });
    else changes.push({ start: at, end: at + 1, replacement: '' });
  }
}

/** A number that WGSL takes for a float. */
function literal(value: number): string {
  return Number.isInteger(value) ? `${value}.0` : String(value);
}
