/**
 * What a cell in TypeScript might have got wrong, each as one small change at a known place: a sign, a factor of 1.001,
 * an epsilon, an index, the side of a mask, a transposition, half precision inside. Left alone are what only shows or
 * checks (labels, references, bounds, figures), messages, and types.
 */
import ts from 'typescript';
import type { Mutation, MutationKind } from '../cells/cell.js';
import { checkKind } from '../cells/check-names.js';
import { halfName, scaledName } from './helper.js';
import { callSwaps, isText, swaps } from './operators.js';

export function mutationsOf(file: ts.SourceFile): Mutation[] {
  const found: Mutation[] = [];
  visit(file, found);
  // The same change may be reached on two ways.
  const keys = new Set<string>();
  return found.filter(({ start, end, replacement }) => {
    const key = `${start} ${end} ${replacement}`;
    return !keys.has(key) && keys.add(key);
  });
}

function visit(node: ts.Node, found: Mutation[]): void {
  if (ts.isTypeNode(node) || ts.isImportDeclaration(node) || ts.isThrowStatement(node)) return;
  if (ts.isTemplateExpression(node) || ts.isInterfaceDeclaration(node) || ts.isTypeAliasDeclaration(node))
    return;
  if (ts.isCallExpression(node)) {
    const callee = node.expression.getText();
    const kind = checkKind(callee);
    if (kind) {
      checkMutations(kind, node, found);
      return;
    }
    if (onlyShows.test(callee) || judges.test(callee)) return;
    callMutations(node, found);
  }
  if (ts.isForStatement(node)) {
    loopMutations(node, found);
    visit(node.statement, found);
    return;
  }
  if (ts.isWhileStatement(node) || ts.isDoStatement(node)) {
    visit(node.statement, found); // a changed head may never end
    return;
  }
  if (ts.isBinaryExpression(node)) binaryMutations(node, found);
  if (ts.isPrefixUnaryExpression(node)) unaryMutations(node, found);
  if (ts.isElementAccessExpression(node)) accessMutations(node, found);
  if (ts.isPropertyAssignment(node)) propertyMutations(node, found);
  if (ts.isVariableDeclaration(node) || ts.isParameter(node)) {
    if (ts.isIdentifier(node.name)) epsilonValue(node.name.text, node.initializer, found);
  }
  const value = carriedOn(node);
  if (value && isComputed(value)) valueMutations(value, found);
  ts.forEachChild(node, (child) => visit(child, found));
}

const onlyShows = /^(?:plot|console|display|profile|useBackend|useSeed|new Error)\b/;

/** Bounds and references judge the cell's own code; they are none of it. */
const judges = /^(?:gamma|\w*Bound|\w*Oracle\w*|goldenCase|runCase)$/;

function add(
  found: Mutation[],
  kind: MutationKind,
  node: { start: number; end: number },
  replacement: string,
  description: string,
): void {
  found.push({ kind, start: node.start, end: node.end, replacement, description });
}

const at = (node: ts.Node) => ({ start: node.getStart(), end: node.end });

/** A text of the source on one line, not longer than a glance. */
function short(node: ts.Node): string {
  const text = node.getText().replaceAll(/\s+/g, ' ');
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}

/** Of a check only the value that is under test is the cell's own code. */
function checkMutations(kind: string, node: ts.CallExpression, found: Mutation[]): void {
  if (kind === 'refute') {
    const [, wrong, right] = node.arguments;
    if (wrong && right)
      add(found, 'right for wrong', at(wrong), right.getText(), `\`${short(wrong)}\` → \`${short(right)}\``);
    return;
  }
  if (kind !== 'verify' && kind !== 'verifyEqual') return;
  const actual = node.arguments[1];
  if (!actual) return;
  if (isComputed(actual)) valueMutations(actual, found);
  visit(actual, found);
}

function binaryMutations(node: ts.BinaryExpression, found: Mutation[]): void {
  const { left, operatorToken: token, right } = node;
  const operator = token.getText();
  if (operator === '+' && isEpsilon(right)) epsilonTerm(node, found);
  const swap = swaps[operator];
  if (swap === undefined || isText(left) || isText(right)) return;
  if (operator.startsWith('<') || operator.startsWith('>')) {
    const strict = operator.length === 1 ? `${operator}=` : operator[0]!;
    const turned = operator.replace(/[<>]/, (one) => (one === '<' ? '>' : '<'));
    add(found, 'mask side', at(token), strict, `\`${short(node)}\`: ${operator} → ${strict}`);
    add(found, 'mask side', at(token), turned, `\`${short(node)}\`: ${operator} → ${turned}`);
    return;
  }
  add(found, 'sign', at(token), swap, `\`${short(node)}\`: ${operator} → ${swap}`);
}

function unaryMutations(node: ts.PrefixUnaryExpression, found: Mutation[]): void {
  if (node.operator !== ts.SyntaxKind.MinusToken) return;
  if (node.operand.getText() === 'Infinity') add(found, 'mask side', at(node), '0', '`-Infinity` → 0');
  else if (!(ts.isNumericLiteral(node.operand) && ts.isCallExpression(node.parent)))
    add(found, 'sign', at(node), node.operand.getText(), `\`${short(node)}\` → \`${short(node.operand)}\``);
}

/** `a[i]` → `a[i + 1]`, `a[i - 1]`; `a[i][j]` → `a[j][i]`. Names in quotation marks are no indices. */
function accessMutations(node: ts.ElementAccessExpression, found: Mutation[]): void {
  const index = node.argumentExpression;
  if (isText(index)) return;
  const inner = node.expression;
  if (ts.isElementAccessExpression(inner) && !isText(inner.argumentExpression)) {
    const [one, other] = [inner.argumentExpression.getText(), index.getText()];
    const turned = `${inner.expression.getText()}[${other}][${one}]`;
    if (one !== other) add(found, 'transposition', at(node), turned, `\`${short(node)}\` → \`${turned}\``);
  }
  for (const by of ['+ 1', '- 1'])
    add(
      found,
      'index',
      at(index),
      `(${index.getText()}) ${by}`,
      `\`${short(node)}\`: [${short(index)} ${by}]`,
    );
}

function loopMutations({ initializer, condition }: ts.ForStatement, found: Mutation[]): void {
  if (initializer && ts.isVariableDeclarationList(initializer))
    for (const { initializer: first } of initializer.declarations)
      if (first && ts.isNumericLiteral(first))
        add(found, 'index', at(first), String(Number(first.text) + 1), `loop from ${Number(first.text) + 1}`);
  if (!condition || !ts.isBinaryExpression(condition)) return;
  const { left, operatorToken, right } = condition;
  const operator = operatorToken.getText();
  // One turn less ends as surely as before.
  if (operator === '<' || operator === '<=')
    add(
      found,
      'index',
      at(right),
      `(${right.getText()}) - 1`,
      `loop while ${short(left)} ${operator} ${short(right)} - 1`,
    );
}

function callMutations(node: ts.CallExpression, found: Mutation[]): void {
  const callee = node.expression;
  const name = ts.isPropertyAccessExpression(callee)
    ? callee.name
    : ts.isIdentifier(callee)
      ? callee
      : undefined;
  if (!name) return;
  const args = node.arguments;
  const [first, second] = args;
  const swap =
    Object.hasOwn(callSwaps, name.text) && ts.isPropertyAccessExpression(callee)
      ? callSwaps[name.text]
      : undefined;
  if (swap && first) add(found, 'sign', at(name), swap, `\`${short(node)}\`: ${name.text} → ${swap}`);
  if (name.text === 'slice' && first && args.length <= 2 && !ts.isArrayLiteralExpression(first))
    add(
      found,
      'index',
      at(first),
      `(${first.getText()}) + 1`,
      `\`${short(node)}\`: from ${short(first)} + 1`,
    );
  if (/^(?:transpose|transposed)$/.test(name.text)) {
    const subject =
      ts.isPropertyAccessExpression(callee) && callee.expression.getText() !== 'tf'
        ? callee.expression
        : first;
    if (subject)
      add(found, 'transposition', at(node), subject.getText(), `\`${short(node)}\` → \`${short(subject)}\``);
  }
  if (/^(?:matMul|matmul|times|outer)$/.test(name.text)) {
    for (const one of args)
      if (one.kind === ts.SyntaxKind.TrueKeyword || one.kind === ts.SyntaxKind.FalseKeyword)
        turn(found, 'transposition', one, node);
    if (first && second && args.length === 2 && first.getText() !== second.getText()) {
      const swapped = `${second.getText()}, ${first.getText()}`;
      add(
        found,
        'transposition',
        { start: first.getStart(), end: second.end },
        swapped,
        `\`${short(node)}\`: (${swapped})`,
      );
    }
  }
}

function propertyMutations(node: ts.PropertyAssignment, found: Mutation[]): void {
  const { initializer } = node;
  if (ts.isIdentifier(node.name)) epsilonValue(node.name.text, initializer, found);
  if (initializer.kind === ts.SyntaxKind.TrueKeyword || initializer.kind === ts.SyntaxKind.FalseKeyword)
    turn(found, 'mask side', initializer, node);
}

function turn(found: Mutation[], kind: MutationKind, literal: ts.Node, whole: ts.Node): void {
  const other = literal.kind === ts.SyntaxKind.TrueKeyword ? 'false' : 'true';
  add(found, kind, at(literal), other, `\`${short(whole)}\`: ${literal.getText()} → ${other}`);
}

const epsilonName = /^(?:eps|epsilon|ε|tiny)$/i;

function isEpsilon(node: ts.Expression): boolean {
  if (ts.isIdentifier(node)) return epsilonName.test(node.text);
  if (ts.isPropertyAccessExpression(node)) return epsilonName.test(node.name.text);
  return ts.isNumericLiteral(node) && Number(node.text) > 0 && Number(node.text) <= 1e-3;
}

function epsilonTerm(node: ts.BinaryExpression, found: Mutation[]): void {
  const { left, right } = node;
  add(
    found,
    'epsilon',
    { start: left.end, end: right.end },
    '',
    `\`${short(node)}\`: without ${short(right)}`,
  );
  add(
    found,
    'epsilon',
    at(right),
    `10 * ${right.getText()}`,
    `\`${short(node)}\`: ten times ${short(right)}`,
  );
}

function epsilonValue(name: string, value: ts.Expression | undefined, found: Mutation[]): void {
  if (!epsilonName.test(name) || !value || !ts.isNumericLiteral(value) || Number(value.text) === 0) return;
  add(found, 'epsilon', at(value), '0', `${name} = ${value.getText()} → 0`);
  add(
    found,
    'epsilon',
    at(value),
    `(10 * ${value.getText()})`,
    `${name} = ${value.getText()} → ten times it`,
  );
}

/** The expression whose value goes on from here: what is returned, given to a name, assigned. */
function carriedOn(node: ts.Node): ts.Expression | undefined {
  if (ts.isReturnStatement(node)) return node.expression;
  if (ts.isArrowFunction(node)) return ts.isBlock(node.body) ? undefined : node.body;
  if (ts.isVariableDeclaration(node))
    return ts.isVariableStatement(node.parent.parent) ? node.initializer : undefined;
  if (ts.isBinaryExpression(node) && assigning.has(node.operatorToken.kind)) return node.right;
  return undefined;
}

const assigning = new Set([
  ts.SyntaxKind.EqualsToken,
  ts.SyntaxKind.PlusEqualsToken,
  ts.SyntaxKind.MinusEqualsToken,
]);

const arithmetic = new Set(['+', '-', '*', '/', '**']);

/** Calls that draw or spell out inputs: with others the cell is as right as before. */
const inputs =
  /^(?:seeded\w*|ndarray|fromNdArray|toNdArray|tf\.(?:ones|zeros|fill|scalar|tensor\w*|random\w*))$/;

/** Calls whose value is no number to be a little wrong in. */
const notNumbers =
  /(?:^(?:Object|JSON|String|Symbol|Promise|import|describe|format\w*|goldenCase|watch\w*|new)\b|\.(?:join|toFixed|toString|keys|entries|includes|has|split|trim|every|some|padStart|padEnd)$)/;

function isComputed(node: ts.Expression): boolean {
  if (ts.isParenthesizedExpression(node) || ts.isAwaitExpression(node) || ts.isAsExpression(node))
    return isComputed(node.expression);
  if (ts.isConditionalExpression(node)) return isComputed(node.whenTrue) || isComputed(node.whenFalse);
  if (ts.isBinaryExpression(node))
    return arithmetic.has(node.operatorToken.getText()) && !isText(node.left) && !isText(node.right);
  if (!ts.isCallExpression(node)) return false;
  const callee = node.expression.getText();
  const isNone = [notNumbers, inputs, judges, onlyShows].some((pattern) => pattern.test(callee));
  return !isNone && checkKind(callee) === undefined;
}

function valueMutations(node: ts.Expression, found: Mutation[]): void {
  const text = node.getText();
  add(found, 'scale', at(node), `${scaledName}(${text})`, `\`${short(node)}\` × 1.001`);
  add(found, 'half precision', at(node), `${halfName}(${text})`, `\`${short(node)}\` in half precision`);
}
