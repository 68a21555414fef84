/**
 * The text that equal computations share: no blanks, no parentheses, `await`, `as` or `!`, no function around a value
 * (`verify` calls it), and in the place of a name that is given once to an expression that expression.
 */
import ts from 'typescript';

/** What single names of the notebook were given; undefined for a name with several meanings. */
export type Meanings = ReadonlyMap<string, ts.Expression | undefined>;

/** How far names are followed. */
const deepest = 6;

export function sameText(
  node: ts.Expression,
  meanings: Meanings,
  options: { withoutPaths?: boolean } = {},
): string {
  return text(node, meanings, options.withoutPaths ?? false, deepest);
}

function text(node: ts.Node, meanings: Meanings, withoutPaths: boolean, depth: number): string {
  const inner = (child: ts.Node, less = 0) => text(child, meanings, withoutPaths, depth - less);
  if (
    ts.isParenthesizedExpression(node) ||
    ts.isAwaitExpression(node) ||
    ts.isAsExpression(node) ||
    ts.isNonNullExpression(node) ||
    ts.isSatisfiesExpression(node)
  )
    return inner(node.expression);
  if (ts.isArrowFunction(node) && node.parameters.length === 0 && !ts.isBlock(node.body))
    return inner(node.body);
  if (ts.isIdentifier(node)) {
    const meaning = depth > 0 && isValue(node) ? meanings.get(node.text) : undefined;
    return meaning && isFollowed(meaning) ? inner(meaning, 1) : node.text;
  }
  if (withoutPaths && ts.isObjectLiteralExpression(node)) {
    const kept = node.properties.filter((one) => one.name?.getText() !== 'path');
    return kept.length === 0 ? '' : `{${kept.map((one) => inner(one)).join(',')}}`;
  }
  const children: ts.Node[] = [];
  node.forEachChild((child) => void children.push(child));
  if (children.length === 0) return node.getText();
  if (ts.isCallExpression(node)) {
    const given = node.arguments.map((one) => inner(one)).filter((one) => one !== '');
    return `${inner(node.expression)}(${given.join(',')})`;
  }
  if (ts.isElementAccessExpression(node))
    return `${inner(node.expression)}[${inner(node.argumentExpression)}]`;
  return `${ts.SyntaxKind[node.kind]}(${children.map((one) => inner(one)).join(' ')})`;
}

/** A name in the place of a value, not of a property or a parameter. */
function isValue(node: ts.Identifier): boolean {
  const { parent } = node;
  return !('name' in parent && parent.name === node);
}

/** A function is a name of its own; a literal that is given a name may mean something else than its equal. */
function isFollowed(meaning: ts.Expression): boolean {
  return !ts.isArrowFunction(meaning) && !ts.isFunctionExpression(meaning) && !ts.isNumericLiteral(meaning);
}

/** What the top-level `const` declarations of all cells give to single names. */
export function meaningsOf(files: readonly ts.SourceFile[]): Meanings {
  const meanings = new Map<string, ts.Expression | undefined>();
  const add = (name: ts.BindingName, value: ts.Expression | undefined): void => {
    if (ts.isIdentifier(name)) meanings.set(name.text, meanings.has(name.text) ? undefined : value);
    else for (const element of name.elements) if (ts.isBindingElement(element)) add(element.name, undefined);
  };
  for (const file of files)
    for (const statement of file.statements) {
      if (ts.isVariableStatement(statement)) {
        const isConst = (statement.declarationList.flags & ts.NodeFlags.Const) !== 0;
        for (const { name, initializer } of statement.declarationList.declarations)
          add(name, isConst ? initializer : undefined);
      } else if (ts.isFunctionDeclaration(statement) && statement.name) add(statement.name, undefined);
    }
  return meanings;
}
