/**
 * Parameters of TypeScript and JavaScript notebooks: read from the declarations of the `parameters` cell with the
 * compiler's parser, written back as declarations of the same type.
 */
import ts from 'typescript';
import type { Parameter, ParameterType } from './parameter-type.js';

const unknown: ParameterType = { kind: 'unknown' };

/** Every top-level `let`, `const` or `var` of the cell that declares a plain name. */
export function typescriptParameters(source: string): Parameter[] {
  const file = ts.createSourceFile('parameters.ts', source, ts.ScriptTarget.Latest, true);
  const aliases = new Map<string, ts.TypeNode>();
  for (const statement of file.statements) {
    if (ts.isTypeAliasDeclaration(statement)) aliases.set(statement.name.text, statement.type);
  }
  const parameters: Parameter[] = [];
  for (const statement of file.statements) {
    if (!ts.isVariableStatement(statement)) continue;
    const { flags } = statement.declarationList;
    const comments = commentsOf(statement, source);
    const keyword = flags & ts.NodeFlags.Const ? 'const' : flags & ts.NodeFlags.Let ? 'let' : 'var';
    for (const { name, type, initializer } of statement.declarationList.declarations) {
      if (!ts.isIdentifier(name)) continue;
      const annotation = type ? `: ${type.getText(file)}` : '';
      const declaration = `${keyword} ${name.text}${annotation}`;
      parameters.push({
        name: name.text,
        type: type
          ? fromAnnotation(type, aliases, 0)
          : initializer
            ? fromValue(initializer, aliases)
            : unknown,
        declaration,
        secret: comments.isSecret,
        value: initializer?.getText(file) ?? '',
        comment: comments.text,
      });
    }
  }
  return parameters;
}

/** The comments above the statement and behind it; the text is of those with no blank line between, without their marks. */
function commentsOf(statement: ts.Statement, source: string): { isSecret: boolean; text: string } {
  const above = ts.getLeadingCommentRanges(source, statement.pos) ?? [];
  const beside = ts.getTrailingCommentRanges(source, statement.end) ?? [];
  let next = statement.getStart();
  const isApart = ({ pos, end }: ts.CommentRange) => {
    const apart = /\n[^\S\n]*\r?\n/.test(source.slice(end, next));
    next = pos;
    return apart;
  };
  const near = above.slice(above.findLastIndex(isApart) + 1);
  const text = (range: ts.CommentRange) => source.slice(range.pos, range.end);
  return {
    isSecret: [...above, ...beside].some((range) => /@secret\b/.test(text(range))),
    text: [...near, ...beside].map((range) => commentText(text(range))).join('\n'),
  };
}

function commentText(comment: string): string {
  const inner = comment.startsWith('//') ? comment.slice(2) : comment.slice(2, -2);
  const lines = inner.split('\n').map((line) => line.replace(/^\s*\*+\s?/, '').trim());
  return lines.join('\n').trim();
}

/** A value as TypeScript source. */
export function typescriptLiteral(value: unknown): string {
  if (value === undefined) return 'undefined';
  if (typeof value === 'bigint') return `${value}n`;
  if (typeof value === 'number') return Object.is(value, -0) ? '-0' : String(value);
  if (Array.isArray(value)) return `[${value.map(typescriptLiteral).join(', ')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const entries = Object.entries(value).map(
    // As a plain key it would set the prototype.
    ([key, entry]) =>
      `${key === '__proto__' ? '["__proto__"]' : JSON.stringify(key)}: ${typescriptLiteral(entry)}`,
  );
  return entries.length === 0 ? '{}' : `{ ${entries.join(', ')} }`;
}

function fromAnnotation(node: ts.TypeNode, aliases: Map<string, ts.TypeNode>, depth: number): ParameterType {
  // A type alias may refer to itself; what is nested that deep is left to the kernel's checker.
  if (depth > 20) return unknown;
  const inner = (child: ts.TypeNode) => fromAnnotation(child, aliases, depth + 1);
  switch (node.kind) {
    case ts.SyntaxKind.NumberKeyword:
      return { kind: 'number' };
    case ts.SyntaxKind.StringKeyword:
      return { kind: 'string' };
    case ts.SyntaxKind.BooleanKeyword:
      return { kind: 'boolean' };
    case ts.SyntaxKind.BigIntKeyword:
      return { kind: 'bigint' };
    case ts.SyntaxKind.UndefinedKeyword:
      return { kind: 'literal', value: undefined };
  }
  if (ts.isParenthesizedTypeNode(node)) return inner(node.type);
  if (ts.isTypeOperatorNode(node) && node.operator === ts.SyntaxKind.ReadonlyKeyword) return inner(node.type);
  if (ts.isLiteralTypeNode(node)) return literal(node.literal);
  if (ts.isUnionTypeNode(node)) return { kind: 'union', members: node.types.map(inner) };
  if (ts.isArrayTypeNode(node)) return { kind: 'array', element: inner(node.elementType) };
  if (ts.isTupleTypeNode(node)) {
    const plain = node.elements.every(
      (element) =>
        !ts.isRestTypeNode(element) &&
        !ts.isOptionalTypeNode(element) &&
        !(ts.isNamedTupleMember(element) && (element.questionToken ?? element.dotDotDotToken)),
    );
    const types = node.elements.map((element) => (ts.isNamedTupleMember(element) ? element.type : element));
    return plain ? { kind: 'tuple', elements: types.map(inner) } : unknown;
  }
  if (ts.isTypeReferenceNode(node) && ts.isIdentifier(node.typeName)) {
    const name = node.typeName.text;
    const argument = node.typeArguments?.[0];
    if ((name === 'Array' || name === 'ReadonlyArray') && argument)
      return { kind: 'array', element: inner(argument) };
    const alias = aliases.get(name);
    return alias && !node.typeArguments ? inner(alias) : unknown;
  }
  // `{}` takes almost anything.
  if (ts.isTypeLiteralNode(node) && node.members.length > 0) return objectType(node, inner);
  return unknown;
}

function objectType(node: ts.TypeLiteralNode, inner: (child: ts.TypeNode) => ParameterType): ParameterType {
  const fields: { name: string; type: ParameterType; optional: boolean }[] = [];
  for (const member of node.members) {
    if (!ts.isPropertySignature(member) || !member.type) return unknown;
    if (!ts.isIdentifier(member.name) && !ts.isStringLiteral(member.name)) return unknown;
    fields.push({
      name: member.name.text,
      type: inner(member.type),
      optional: member.questionToken !== undefined,
    });
  }
  return { kind: 'object', fields };
}

function literal(node: ts.LiteralTypeNode['literal']): ParameterType {
  if (ts.isStringLiteral(node)) return { kind: 'literal', value: node.text };
  if (ts.isNumericLiteral(node)) return { kind: 'literal', value: Number(node.text) };
  if (node.kind === ts.SyntaxKind.TrueKeyword) return { kind: 'literal', value: true };
  if (node.kind === ts.SyntaxKind.FalseKeyword) return { kind: 'literal', value: false };
  if (node.kind === ts.SyntaxKind.NullKeyword) return { kind: 'literal', value: null };
  if (ts.isPrefixUnaryExpression(node) && ts.isNumericLiteral(node.operand)) {
    return { kind: 'literal', value: -Number(node.operand.text) };
  }
  return unknown;
}

/** The widened type of an initial value; only what is plain from the syntax. */
function fromValue(node: ts.Expression, aliases: Map<string, ts.TypeNode>): ParameterType {
  if (ts.isParenthesizedExpression(node) || ts.isSatisfiesExpression(node))
    return fromValue(node.expression, aliases);
  if (ts.isAsExpression(node)) {
    return ts.isConstTypeReference(node.type)
      ? fromValue(node.expression, aliases)
      : fromAnnotation(node.type, aliases, 0);
  }
  if (ts.isNumericLiteral(node)) return { kind: 'number' };
  if (ts.isBigIntLiteral(node)) return { kind: 'bigint' };
  if (ts.isStringLiteralLike(node) || ts.isTemplateExpression(node)) return { kind: 'string' };
  if (node.kind === ts.SyntaxKind.TrueKeyword || node.kind === ts.SyntaxKind.FalseKeyword)
    return { kind: 'boolean' };
  if (ts.isPrefixUnaryExpression(node)) {
    return node.operator === ts.SyntaxKind.ExclamationToken
      ? { kind: 'boolean' }
      : fromValue(node.operand, aliases);
  }
  if (ts.isBinaryExpression(node)) {
    const sides = [fromValue(node.left, aliases), fromValue(node.right, aliases)];
    return sides.every((side) => side.kind === 'number') ? { kind: 'number' } : unknown;
  }
  if (ts.isArrayLiteralExpression(node)) {
    const kinds = new Map(
      node.elements.map((element) => [JSON.stringify(fromValue(element, aliases)), element]),
    );
    const members = [...kinds.values()].map((element) => fromValue(element, aliases));
    const element =
      members.length === 1 ? members[0]! : members.length ? { kind: 'union' as const, members } : unknown;
    return { kind: 'array', element };
  }
  return unknown;
}
