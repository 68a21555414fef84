/**
 * A name that a declaration file declares, known without the declaration: what it is (its flags) and where its source
 * stands. Whoever asks for more wakes it: the source of its statements is parsed and bound, and from then on the symbol
 * is what the compiler's binder would have made of it in the first place.
 */
import ts from 'typescript';
import { type BoundNode, bound, internal, internals, type SymbolFields } from './typescript-internal.js';

/** A source file, or the body of a `declare module`: what has statements and tables of the names they declare. */
export interface Container {
  file: ts.SourceFile;
  /** Undefined for the file itself. */
  block: ts.ModuleBlock | undefined;
  /** Whether a statement without `export` is exported all the same. */
  exportsAll: boolean;
}

/** Statements that are woken together, since they share names. */
export interface Unit {
  container: Container;
  /** Start and end of each statement in the text of the file. */
  ranges: number[];
  /** The names they give the container: those it exports have it as parent, the others have none. */
  symbols: SleepingSymbol[];
}

const plainSymbol = internal.objectAllocator.getSymbolConstructor().prototype;

/** The fields are those of the compiler's symbols, in the same order; those that wake it are accessors below. */
export class SleepingSymbol {
  flags: ts.SymbolFlags;
  escapedName: ts.__String;
  id = 0;
  mergeId = 0;
  parent: SymbolFields | undefined;
  exportSymbol: SymbolFields | SleepingSymbol | undefined = undefined;
  constEnumOnlyModule: boolean | undefined;
  isReferenced = undefined;
  lastAssignmentPos = undefined;
  links = undefined;
  unit: Unit | undefined;

  constructor(symbol: SymbolFields, unit: Unit) {
    this.flags = symbol.flags;
    this.escapedName = symbol.escapedName;
    this.parent = symbol.parent;
    this.constEnumOnlyModule = symbol.constEnumOnlyModule;
    this.unit = unit;
  }
}

const wakingFields = ['declarations', 'valueDeclaration', 'members', 'exports'] as const;

Object.setPrototypeOf(SleepingSymbol.prototype, plainSymbol);
for (const field of wakingFields)
  Object.defineProperty(SleepingSymbol.prototype, field, {
    get(this: SleepingSymbol) {
      return awake(this)[field];
    },
    set(this: SleepingSymbol, value: never) {
      awake(this)[field] = value;
    },
  });

/** From now on the symbol is one of the compiler's own kind. */
function awake(symbol: SleepingSymbol): SymbolFields {
  const { container, ranges, symbols } = symbol.unit!;
  const alone = bindAlone(container, ranges);
  for (const sleeping of symbols) {
    const table = sleeping.parent ? alone.symbol?.exports : alone.locals;
    takeOver(sleeping, table?.get(sleeping.escapedName));
  }
  return symbol as unknown as SymbolFields;
}

/** Parses these statements, and binds them in a container that has nothing else in it; then they move to their own. */
function bindAlone({ file, block, exportsAll }: Container, ranges: number[]): BoundNode {
  const alone = parse(block ? 'declare namespace _ {}' : '');
  const namespace = alone.statements[0] as ts.ModuleDeclaration | undefined;
  const own: ts.Node[] = [];
  for (let i = 0; i < ranges.length; i += 2) {
    const start = ranges[i]!;
    for (const statement of parse(file.text.slice(start, ranges[i + 1])).statements) {
      move(statement, start);
      own.push(statement);
    }
  }
  const body = namespace ? (namespace.body as ts.ModuleBlock) : alone;
  const statements = body.statements as unknown as ts.Node[];
  statements.push(...own);
  if (!exportsAll) statements.push(...parse('export {};').statements);
  internals(alone).externalModuleIndicator = internals(file).externalModuleIndicator && alone;
  internal.bindSourceFile(alone, declarationOptions);
  for (const statement of own) (statement as { parent: ts.Node }).parent = block ?? file;
  return bound(namespace ?? alone);
}

/** Nothing in a declaration file depends on more. */
const declarationOptions: ts.CompilerOptions = { target: ts.ScriptTarget.ESNext };

function parse(text: string): ts.SourceFile {
  const options = {
    languageVersion: ts.ScriptTarget.ESNext,
    jsDocParsingMode: ts.JSDocParsingMode.ParseNone,
  };
  return ts.createSourceFile('sleeping.d.ts', text, options, false);
}

/** Shifts a tree to where it stands in its file. */
function move(node: ts.Node, by: number): void {
  const shift = (range: { pos: number; end: number }) => {
    range.pos += by;
    range.end += by;
  };
  const shiftAll = (nodes: ts.NodeArray<ts.Node>) => {
    shift(nodes as { pos: number; end: number });
    for (const child of nodes) visit(child);
  };
  const visit = (child: ts.Node): void => {
    shift(child as { pos: number; end: number });
    ts.forEachChild(child, visit, shiftAll);
  };
  visit(node);
}

/** The sleeping symbol becomes what was bound: others refer to it already. */
function takeOver(sleeping: SleepingSymbol, fresh: SymbolFields | undefined): void {
  if (fresh?.flags !== sleeping.flags)
    throw new Error(`language engine: ${sleeping.escapedName} is not what it was when it was put to sleep`);
  sleeping.unit = undefined;
  const symbol: SymbolFields = Object.setPrototypeOf(sleeping, plainSymbol);
  symbol.declarations = fresh.declarations;
  symbol.valueDeclaration = fresh.valueDeclaration;
  symbol.members = fresh.members;
  symbol.exports = fresh.exports;
  const belong = (member: SymbolFields | undefined): void => {
    if (member?.parent === fresh) member.parent = symbol;
  };
  for (const declaration of fresh.declarations ?? []) {
    const node = bound(declaration);
    if (node.symbol === fresh) node.symbol = symbol;
    if (node.localSymbol === fresh) node.localSymbol = symbol;
    // Members whose names are computed are in no table.
    for (const member of node.members ?? []) belong(member.symbol);
  }
  for (const table of [fresh.members, fresh.exports]) table?.forEach(belong);
}
