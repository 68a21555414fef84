/** One small mistake in a correct cell, of the kinds people make; which one is drawn from a seeded generator. */
import ts from 'typescript';
import { internals } from '../../../kernel/language/typescript-internal.js';
import { applied, type Edit, type Random } from '../../../scripts/audit/mutants/edit.js';

interface Mistake extends Edit {
  kind: string;
}

/** The broken cell; undefined where nothing can be broken without breaking the syntax. */
export function mutate(code: string, random: Random): string | undefined {
  const file = parse(code);
  const edits: Mistake[] = [];
  const visit = (node: ts.Node): void => {
    const edit = mistakeAt(node, file);
    if (edit) edits.push(edit);
    ts.forEachChild(node, visit);
  };
  ts.forEachChild(file, visit);
  const draw = <T>(list: T[]): T => list[Math.floor(random() * list.length)]!;
  // First which mistake, then where: there are many more names than anything else.
  const kinds = [...new Set(edits.map((edit) => edit.kind))];
  for (let attempt = 0; attempt < 5 && edits.length > 0; attempt++) {
    const kind = draw(kinds);
    const broken = applied(code, draw(edits.filter((edit) => edit.kind === kind)));
    if (internals(parse(broken)).parseDiagnostics.length === 0) return broken;
  }
  return undefined;
}

function parse(code: string): ts.SourceFile {
  return ts.createSourceFile('cell.ts', code, ts.ScriptTarget.ESNext, true);
}

function mistakeAt(node: ts.Node, file: ts.SourceFile): Mistake | undefined {
  const start = node.getStart(file);
  const replace = (kind: string, replacement: string): Mistake => ({
    kind,
    start,
    end: node.end,
    replacement,
  });
  if (ts.isIdentifier(node)) return replace('another name', `${node.text}X`);
  if (ts.isStringLiteral(node)) return replace('number for string', '17');
  if (ts.isNumericLiteral(node)) return replace('string for number', '"17"');
  if (ts.isAsExpression(node)) return replace('no assertion', node.expression.getText(file));
  if (ts.isCallExpression(node) && node.arguments.length > 0) {
    const [first, second] = node.arguments;
    const end = second?.getStart(file) ?? first!.end;
    return { kind: 'argument dropped', start: first!.getStart(file), end, replacement: '' };
  }
  switch (node.kind) {
    case ts.SyntaxKind.TrueKeyword:
    case ts.SyntaxKind.FalseKeyword:
      return replace('null for boolean', 'null');
    case ts.SyntaxKind.StringKeyword:
      return replace('another type', 'number');
    case ts.SyntaxKind.NumberKeyword:
    case ts.SyntaxKind.BooleanKeyword:
      return replace('another type', 'string');
    case ts.SyntaxKind.AnyKeyword:
      return replace('another type', 'unknown');
    case ts.SyntaxKind.QuestionToken:
      return replace('not optional', '');
    case ts.SyntaxKind.ReturnStatement:
      return replace('return dropped', '');
    case ts.SyntaxKind.PropertyAssignment:
      return { ...replace('property dropped', ''), end: node.end + Number(file.text[node.end] === ',') };
    default:
      return undefined;
  }
}
