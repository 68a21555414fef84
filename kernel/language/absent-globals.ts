/**
 * Names that the declarations of browsers and of CommonJS give every file, and that a cell does not have when it runs: `document`,
 * `name`, `__dirname`. The declarations stay, for the types that packages make of them; a use of such a name in a cell is an error.
 */
import ts from 'typescript';
import { dialect } from '../dialect.js';
import { located } from './diagnostics.js';
import { isLibrary } from './module-host.js';
import { globalValue } from './typescript-internal.js';

/** What the evaluator gives cells beside what Node has (`evaluator/globals.ts`); only the types of Node declare it. */
const given = ['require', 'gc'];
/** The kernels of tslab run a cell with these. */
const givenByTslab = ['exports'];

const commonJs: Record<string, string> = {
  __dirname: 'A cell has import.meta.dirname.',
  __filename: 'A cell has no file; its folder is import.meta.dirname.',
  module: 'It is a name of CommonJS modules; write export.',
  exports: 'It is a name of CommonJS modules; write export.',
};
const inModules: Record<string, string> = {
  Worker: "It has to be imported: import { Worker } from 'node:worker_threads'.",
};
const browsers = 'It is a global of browsers, and cells run in Node.';
const code = 2304;

export function isAbsent(name: string): boolean {
  if (name in globalThis || given.includes(name)) return false;
  return dialect() === 'typescript' || !givenByTslab.includes(name);
}

/**
 * The errors of a cell with those of each such name that is used as a value; what else is said of it does not count.
 * @param provided names that earlier cells assign to `globalThis`
 */
export function withAbsentGlobals(
  cell: ts.SourceFile,
  checker: ts.TypeChecker,
  provided: ReadonlySet<string>,
  errors: readonly ts.DiagnosticWithLocation[],
): readonly ts.DiagnosticWithLocation[] {
  const own = new Set(assignedGlobals(cell.text));
  const isMissing = (node: ts.Identifier) =>
    isAbsent(node.text) &&
    !provided.has(node.text) &&
    !own.has(node.text) &&
    isUse(node) &&
    isGlobal(node, checker);
  const absent: ts.DiagnosticWithLocation[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isTypeNode(node) && !ts.isExpressionWithTypeArguments(node)) return;
    if (ts.isIdentifier(node) && isMissing(node)) absent.push(missing(cell, node));
    ts.forEachChild(node, visit);
  };
  ts.forEachChild(cell, visit);
  if (absent.length === 0) return errors;
  const places = new Set(absent.map(({ start }) => start));
  return [...errors.filter(({ start }) => !places.has(start)), ...absent];
}

function missing(cell: ts.SourceFile, node: ts.Identifier): ts.DiagnosticWithLocation {
  const start = node.getStart(cell);
  const advice = commonJs[node.text] ?? inModules[node.text] ?? browsers;
  return located(cell, start, node.end - start, code, `Cannot find name '${node.text}'. ${advice}`);
}

/** A name that stands for its value: not one that is declared, and none whose absence the code has asked for. */
function isUse(node: ts.Identifier): boolean {
  const { parent } = node;
  if (ts.isTypeOfExpression(parent)) return false;
  if (ts.isPropertyAccessExpression(parent) && parent.name === node) return isNeeded(parent);
  if (ts.isShorthandPropertyAssignment(parent)) return !isAskedFor(node);
  if ('name' in parent && parent.name === node) return false;
  if (ts.isLabeledStatement(parent) || ts.isBreakOrContinueStatement(parent)) return false;
  return !isAskedFor(node);
}

/** `globalThis.document` is there to be read, and undefined: what follows it is not. */
function isNeeded(node: ts.PropertyAccessExpression): boolean {
  const { parent } = node;
  if (!ts.isIdentifier(node.expression) || !/^global(?:This)?$/.test(node.expression.text)) return false;
  const isFollowed =
    (ts.isPropertyAccessExpression(parent) ||
      ts.isElementAccessExpression(parent) ||
      ts.isCallExpression(parent) ||
      ts.isNewExpression(parent)) &&
    parent.expression === node;
  return (
    isFollowed &&
    !('questionDotToken' in parent && parent.questionDotToken) &&
    !isAskedFor(node.name as ts.Identifier)
  );
}

/** `typeof document !== 'undefined' && document.title`. */
function isAskedFor(node: ts.Identifier): boolean {
  const name = node.text.replaceAll('$', '\\$&');
  const question = new RegExp(`\\b(?:typeof\\s+(?:globalThis\\.)?|globalThis\\.)${name}\\b`);
  for (let at: ts.Node = node; at.parent; at = at.parent) {
    const { parent } = at;
    const asked =
      ts.isIfStatement(parent) && at !== parent.expression
        ? parent.expression
        : ts.isConditionalExpression(parent) && at !== parent.condition
          ? parent.condition
          : ts.isBinaryExpression(parent) && at === parent.right
            ? parent.left
            : undefined;
    if (asked && question.test(asked.getText())) return true;
  }
  return false;
}

/** Whether a name means what only the libraries declare. */
function isGlobal(node: ts.Identifier, checker: ts.TypeChecker): boolean {
  const symbol = ts.isShorthandPropertyAssignment(node.parent)
    ? checker.getShorthandAssignmentValueSymbol(node.parent)
    : checker.getSymbolAtLocation(node);
  if (!symbol || symbol !== globalValue(checker, node.text)) return false;
  return symbol.declarations?.every((item) => isLibrary(item.getSourceFile().fileName)) ?? false;
}

/** The names that a cell makes global: `globalThis.document = …`, and all it mentions where it hands `globalThis` to `Object.assign`. */
export function assignedGlobals(text: string): string[] {
  if (/\b(?:assign|definePropert(?:y|ies))\(\s*global(?:This)?\b/.test(text)) return text.match(word) ?? [];
  return [...text.matchAll(assignment)].map((match) => match[1]!);
}

const word = /[\p{ID_Start}$_][\p{ID_Continue}$]*/gu;
const assignment =
  /\bglobal(?:This)?(?: as \w+\))?\.([\p{ID_Start}$_][\p{ID_Continue}$]*)\s*(?:\?\?|\|\|)?=(?![=>])/gu;
