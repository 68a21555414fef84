/** Code cells in TypeScript or JavaScript, read with the compiler's parser. */
import ts from 'typescript';
import { mutationsOf } from '../mutants/typescript-mutations.js';
import type { Argument, CellAnalysis, CheckCall, ProfileCall } from './cell.js';
import { nothingKnown } from './cell.js';
import { checkKind } from './check-names.js';
import { namesOf } from './free-names.js';
import { type Meanings, meaningsOf, sameText } from './same-text.js';

/** In the order of the sources, which are those of one notebook: a name may mean what an earlier cell gave it. */
export function analyseTypeScript(sources: readonly string[]): CellAnalysis[] {
  const files = sources.map((source, n) =>
    ts.createSourceFile(`cell-${n + 1}.ts`, source, ts.ScriptTarget.Latest, true),
  );
  const meanings = meaningsOf(files);
  return files.map((file) => analyse(file, meanings));
}

function analyse(file: ts.SourceFile, meanings: Meanings): CellAnalysis {
  if (faultsOf(file)) return { ...nothingKnown, fault: 'the parser does not understand it' };
  const checks: CheckCall[] = [];
  const profiles: ProfileCall[] = [];
  const thrown: string[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isCallExpression(node)) {
      const kind = checkKind(node.expression.getText());
      if (kind) checks.push(checkCall(kind, node, meanings));
      if (node.expression.getText() === 'profile') profiles.push(profileCall(node, meanings));
    }
    if (ts.isThrowStatement(node)) collectTexts(node, thrown);
    ts.forEachChild(node, visit);
  };
  visit(file);
  return { ...namesOf(file), checks, profiles, thrown, mutations: mutationsOf(file) };
}

function faultsOf(file: ts.SourceFile): boolean {
  const { parseDiagnostics } = file as unknown as { parseDiagnostics: readonly unknown[] };
  return parseDiagnostics.length > 0;
}

function checkCall(kind: string, node: ts.CallExpression, meanings: Meanings): CheckCall {
  const [label] = node.arguments;
  const isNamed = kind !== 'assert';
  return {
    kind,
    name: isNamed && label && ts.isStringLiteralLike(label) ? label.text : undefined,
    start: node.getStart(),
    end: node.end,
    args: sidesOf(kind, node).map((one) => argument(one, meanings)),
  };
}

/** What stands against each other comes first: both sides of `===` where a whole condition is asserted. */
function sidesOf(kind: string, node: ts.CallExpression): ts.Expression[] {
  const given = kind === 'assert' ? [...node.arguments] : node.arguments.slice(1);
  const [condition] = given;
  if (kind !== 'verifyRelation' && !(kind === 'assert' && given.length < 2) && !isTold(given)) return given;
  if (condition && ts.isBinaryExpression(condition) && comparing.has(condition.operatorToken.kind))
    return [condition.left, condition.right];
  return given;
}

/** `assert(condition, 'message')`. */
function isTold([condition, message]: ts.Expression[]): boolean {
  return (
    condition !== undefined &&
    ts.isBinaryExpression(condition) &&
    message !== undefined &&
    ts.isStringLiteralLike(message)
  );
}

const comparing = new Set([
  ts.SyntaxKind.EqualsEqualsEqualsToken,
  ts.SyntaxKind.EqualsEqualsToken,
  ts.SyntaxKind.LessThanEqualsToken,
  ts.SyntaxKind.GreaterThanEqualsToken,
]);

function argument(node: ts.Expression, meanings: Meanings): Argument {
  const constants: Argument['constants'] = [];
  const visit = (inner: ts.Node): void => {
    if (ts.isNumericLiteral(inner)) {
      const isNegative =
        ts.isPrefixUnaryExpression(inner.parent) && inner.parent.operator === ts.SyntaxKind.MinusToken;
      const start = (isNegative ? inner.parent : inner).getStart();
      constants.push({ text: (isNegative ? '-' : '') + inner.getText(), start });
    }
    ts.forEachChild(inner, visit);
  };
  visit(node);
  return {
    start: node.getStart(),
    end: node.end,
    text: node.getText(),
    same: sameText(node, meanings),
    samePath: sameText(node, meanings, { withoutPaths: true }),
    constants,
  };
}

function profileCall(node: ts.CallExpression, meanings: Meanings): ProfileCall {
  const [label, work, options] = node.arguments;
  const way = (name: ts.Node | undefined, value: ts.Expression) => ({
    name: name && (ts.isStringLiteralLike(name) || ts.isIdentifier(name)) ? name.text : undefined,
    samePath: sameText(value, meanings, { withoutPaths: true }),
  });
  const ways = work ? [way(label, work)] : [];
  const compare =
    options && ts.isObjectLiteralExpression(options)
      ? options.properties.find((one) => one.name?.getText() === 'compare')
      : undefined;
  if (compare && ts.isPropertyAssignment(compare) && ts.isObjectLiteralExpression(compare.initializer))
    for (const one of compare.initializer.properties)
      if (ts.isPropertyAssignment(one)) ways.push(way(one.name, one.initializer));
  return { start: node.getStart(), end: node.end, ways };
}

function collectTexts(node: ts.Node, texts: string[]): void {
  if (ts.isStringLiteralLike(node)) texts.push(node.text);
  else if (ts.isTemplateExpression(node)) texts.push(node.getText().slice(1, -1));
  ts.forEachChild(node, (child) => collectTexts(child, texts));
}
