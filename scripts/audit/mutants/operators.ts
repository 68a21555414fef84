/** Operators and the ones they are mistaken for: of TypeScript and WGSL, and of the calls that stand for them on tensors. */
import ts from 'typescript';

export const swaps: Readonly<Record<string, string>> = {
  '+': '-',
  '-': '+',
  '*': '/',
  '/': '*',
  '+=': '-=',
  '-=': '+=',
  '*=': '/=',
  '<': '>=',
  '<=': '>',
  '>': '<=',
  '>=': '<',
};

export const callSwaps: Readonly<Record<string, string>> = { add: 'sub', sub: 'add', mul: 'div', div: 'mul' };

/** Whether an expression surely is text, where `+` joins. */
export function isText(node: ts.Expression): boolean {
  if (ts.isBinaryExpression(node)) return isText(node.left) || isText(node.right);
  return ts.isStringLiteralLike(node) || ts.isTemplateExpression(node);
}
