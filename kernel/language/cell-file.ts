/**
 * A cell as a source file: always a module, with the lists of imports and augmentations that the compiler
 * otherwise fills in when it builds a program.
 */
import ts from 'typescript';
import { dialect } from '../dialect.js';
import { magicAdvice, shellAdvice } from './hints.js';
import { markAsModule } from './module-host.js';
import { parseObjectCell } from './object-cell.js';
import { internals } from './typescript-internal.js';

export function parseCell(fileName: string, text: string): ts.SourceFile {
  const parse = (code: string) =>
    ts.createSourceFile(
      fileName,
      code,
      {
        languageVersion: ts.ScriptTarget.ESNext,
        setExternalModuleIndicator: markAsModule,
        jsDocParsingMode: ts.JSDocParsingMode.ParseAll,
      },
      true,
      dialect() === 'jslab' ? ts.ScriptKind.JS : ts.ScriptKind.TS,
    );
  const file = parseObjectCell(text, parse) ?? parse(text);
  const inner = internals(file);
  inner.path = fileName;
  inner.resolvedPath = fileName;
  inner.originalFileName = fileName;
  inner.imports = /\b(import|export)\b/.test(text) ? moduleSpecifiers(file) : [];
  inner.moduleAugmentations = file.statements
    .filter(ts.isModuleDeclaration)
    .filter((node) => ts.isStringLiteral(node.name) || (node.flags & ts.NodeFlags.GlobalAugmentation) !== 0)
    .map((node) => node.name as ts.StringLiteral | ts.Identifier);
  inner.ambientModuleNames = [];
  return file;
}

/** Every module named by an import, export, `import()` or `import('…')` type, as the literal's node. */
function moduleSpecifiers(file: ts.SourceFile): ts.StringLiteralLike[] {
  const found: ts.StringLiteralLike[] = [];
  const visit = (node: ts.Node): void => {
    const specifier = specifierOf(node);
    if (specifier && ts.isStringLiteralLike(specifier) && specifier.text) found.push(specifier);
    ts.forEachChild(node, visit);
  };
  ts.forEachChild(file, visit);
  return found;
}

export interface Reference {
  /** The import that brings the same file in. */
  specifier: string;
  range: ts.TextRange;
  code: number;
  message: string;
}

/** `/// <reference path="…" />` and `types="…"`; with what is to be said where nothing is found. */
export function references(file: ts.SourceFile): Reference[] {
  const paths = file.referencedFiles.map((range) => ({
    specifier: /^\.{0,2}\//.test(range.fileName) ? range.fileName : `./${range.fileName}`,
    range,
    code: 6053,
    message: `File '${range.fileName}' not found.`,
  }));
  const types = file.typeReferenceDirectives.map((range) => ({
    specifier: range.fileName,
    range,
    code: 2688,
    message: `Cannot find type definition file for '${range.fileName}'.`,
  }));
  return [...paths, ...types];
}

function specifierOf(node: ts.Node): ts.Node | undefined {
  if (ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) return node.moduleSpecifier;
  if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword)
    return node.arguments[0];
  if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) return node.argument.literal;
  if (ts.isImportEqualsDeclaration(node) && ts.isExternalModuleReference(node.moduleReference)) {
    return node.moduleReference.expression;
  }
  return undefined;
}

const unsupportedJsx =
  'JSX is not supported in cells. Build elements with functions, or show HTML with display.html(…).';

/** What the evaluator cannot run, refused before anything runs: where, and what to do instead. */
export function refusals(file: ts.SourceFile): { start: number; length: number; message: string }[] {
  const using = file.statements.find(
    (node) =>
      ts.isVariableStatement(node) &&
      (node.declarationList.flags & ts.NodeFlags.Using) === ts.NodeFlags.Using,
  );
  if (using) {
    const start = using.getStart(file);
    const message =
      '`using` at the top of a cell has no end of scope in a notebook. Put it into a block: { using x = … }';
    return [{ start, length: 'using'.length, message }];
  }
  const command = foreignCommand(file);
  if (command) return [command];
  // The parser takes JSX for an error in TypeScript, but not in JavaScript.
  const mayHaveJsx =
    dialect() === 'jslab' ? /<\/|\/>/.test(file.text) : internals(file).parseDiagnostics.length > 0;
  if (!mayHaveJsx) return [];
  const jsx = firstJsx(file.text);
  return jsx ? [{ start: jsx.getStart(), length: jsx.getWidth(), message: unsupportedJsx }] : [];
}

/** `%magic` and `!shell command` of IPython at the start of a line. */
function foreignCommand(file: ts.SourceFile) {
  const isBroken = internals(file).parseDiagnostics.length > 0;
  const found = /^[ \t]*(?:(%%?[a-z]\w*)|(![\w./-]+)(?:[ \t]+-{1,2}[a-z]|[ \t]+[\w./~'"]))/m.exec(file.text);
  if (!found || !(isBroken || /^\s*!\S+[ \t]+-/.test(found[0]))) return undefined;
  const name = found[1] ?? found[2]!;
  const line = file.text.slice(found.index).trimStart().split('\n', 1)[0]!.trim();
  const advice = found[1] ? magicAdvice(name) : shellAdvice(line.slice(1));
  const message = `\`${name}\` is a command of IPython, which this kernel does not have. ${advice}`;
  return { start: file.text.indexOf(name, found.index), length: name.length, message };
}

/** The first JSX element, if the text parses only as TSX. */
function firstJsx(text: string): ts.Node | undefined {
  const file = ts.createSourceFile('cell.tsx', text, ts.ScriptTarget.ESNext, true, ts.ScriptKind.TSX);
  if (internals(file).parseDiagnostics.length > 0) return undefined;
  const find = (node: ts.Node): ts.Node | undefined =>
    ts.isJsxElement(node) || ts.isJsxSelfClosingElement(node) || ts.isJsxFragment(node)
      ? node
      : ts.forEachChild(node, find);
  return find(file);
}
