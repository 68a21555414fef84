/** Completion at a cursor: TypeScript's own list, narrowed to what was typed, with types for the first entries. */
import ts from 'typescript';
import { isAbsent } from './absent-globals.js';
import { isCellFile } from './cell-names.js';
import type { CompletionMatch, CompletionResult } from './engine.js';
import { isLibrary } from './module-host.js';
import { packageName } from './own-package.js';
import type { PersistentChecker } from './persistent-checker.js';
import { withoutPaths } from './readable-paths.js';
import { SleepingSymbol } from './sleeping-symbol.js';
import { internal, internals } from './typescript-internal.js';

/** Front ends narrow the list themselves while the reader types on: it must hold all members of a large library. */
const mostMatches = 2000;
/** Types cost time to print: only for so many matches. */
const mostDescribed = 40;
const longestSignature = 120;

const never = { isCancellationRequested: () => false, throwIfCancellationRequested: () => {} };

export function complete(cell: ts.SourceFile, cursor: number, owner: PersistentChecker): CompletionResult {
  const info = internal.Completions.getCompletionsAtPosition(
    serviceHost(owner),
    withNamesLike(typedBefore(cell.text, cursor), owner),
    () => {},
    cell,
    cursor,
    { includeCompletionsWithInsertText: true },
    undefined,
    undefined,
    never,
    undefined,
    true,
  );
  const entries: Entry[] = [...(info?.entries ?? []), ...ownPackage(cell, cursor)];
  return completionResult(
    cell.text,
    cursor,
    entries.map((entry) => ({ ...entry, isOwn: isDeclaredInCell(entry.symbol) })),
    info?.optionalReplacementSpan,
    (entry, rank) => (rank < mostDescribed ? describe(entry.symbol, cell, owner.checker) : {}),
  );
}

/**
 * The program, whose lists of all names in sight have only those that begin as the typed one does: the compiler asks
 * for the declarations of each, and most of them are asleep (`sleeping-symbol.ts`; `name` would wake them too).
 */
function withNamesLike(typed: string, { asProgram, checker }: PersistentChecker): ts.Program {
  const like = (symbols: ts.Symbol[]) =>
    symbols.filter(({ escapedName }) => begins(ts.unescapeLeadingUnderscores(escapedName), typed));
  const narrowed: Partial<ts.TypeChecker> = {
    getSymbolsInScope: (...place) => like(checker.getSymbolsInScope(...place)).filter(isThere),
    getExportsOfModule: (module) => like(checker.getExportsOfModule(module)),
  };
  return Object.assign(Object.create(asProgram) as ts.Program, {
    getTypeChecker: () => Object.assign(Object.create(checker) as ts.TypeChecker, narrowed),
  });
}

/** Values of browsers are none of a cell's; the library's names are told apart without waking them. */
function isThere(symbol: ts.Symbol): boolean {
  if (symbol.flags & ts.SymbolFlags.Type || !isAbsent(ts.unescapeLeadingUnderscores(symbol.escapedName)))
    return true;
  if (symbol instanceof SleepingSymbol) return false;
  return symbol.declarations?.some((item) => !isLibrary(item.getSourceFile().fileName)) ?? true;
}

function typedBefore(code: string, cursor: number): string {
  return /[\p{ID_Continue}$]*$/u.exec(code.slice(0, cursor))![0];
}

/** Front ends replace what was typed, so capital letters need not be right yet. */
function begins(name: string, typed: string): boolean {
  return name.replace(/^["']/, '').toLowerCase().startsWith(typed.toLowerCase());
}

/** `kernelbook` can be imported everywhere, also where no `node_modules` has it. */
function ownPackage(cell: ts.SourceFile, cursor: number): Entry[] {
  const literal = internals(cell).imports.find((item) => item.getStart(cell) < cursor && cursor < item.end);
  if (!literal) return [];
  const start = literal.getStart(cell) + 1;
  const replacementSpan = { start, length: literal.end - 1 - start };
  const kind = ts.ScriptElementKind.externalModuleName;
  return [{ name: packageName, kind, sortText: '1', replacementSpan }];
}

function isDeclaredInCell(symbol: ts.Symbol | undefined): boolean {
  return symbol?.declarations?.some((node) => isCellFile(node.getSourceFile().fileName)) ?? false;
}

interface Description {
  kind?: string;
  signature?: string;
}

interface Entry extends ts.CompletionEntry {
  symbol?: ts.Symbol;
  /** Declared in this or an earlier cell. */
  isOwn?: boolean;
}

/** Shared with the LanguageService engine: prefix, order (the notebook's own names first), replaced range. */
export function completionResult<E extends Entry>(
  code: string,
  cursor: number,
  entries: readonly E[],
  span: ts.TextSpan | undefined,
  describe: (entry: E, rank: number) => Description,
): CompletionResult {
  const typed = typedBefore(code, cursor);
  const start = span && span.start <= cursor ? span.start : cursor - typed.length;
  // Paths replace more than the last word.
  const isWanted = ({ kind, name, replacementSpan, insertText }: E): boolean => {
    const from = replacementSpan && insertText === undefined ? replacementSpan.start : start;
    return kind !== 'warning' && begins(name, code.slice(from, cursor));
  };
  const matchesCase = ({ name }: E) => Number(!name.startsWith(typed));
  const found = new Map(entries.filter(isWanted).map((entry) => [textOf(entry), entry]));
  const wanted = [...found.values()]
    .sort((a, b) => rankOf(a) - rankOf(b) || matchesCase(a) - matchesCase(b) || byTypeScriptOrder(a, b))
    .slice(0, mostMatches);
  const types = wanted.map((entry, rank): CompletionMatch => {
    const replaced = entry.replacementSpan ?? { start, length: cursor - start };
    const { kind = kindName(entry.kind), signature } = describe(entry, rank);
    return {
      text: textOf(entry),
      type: kind,
      start: replaced.start,
      end: replaced.start + replaced.length,
      ...(signature ? { signature } : {}),
    };
  });
  const common = types[0] ?? { start, end: cursor };
  const sameRange = types.filter((item) => item.start === common.start && item.end === common.end);
  return {
    matches: sameRange.map((item) => item.text),
    start: common.start,
    end: common.end,
    types: sameRange,
  };
}

/** Values the type asks for, then the notebook's own names, then all others. */
function rankOf({ kind, isOwn }: Entry): number {
  if (kind === ts.ScriptElementKind.string) return 0;
  return isOwn ? 1 : 2;
}

function textOf(entry: ts.CompletionEntry): string {
  return entry.insertText ?? entry.name;
}

function byTypeScriptOrder(a: ts.CompletionEntry, b: ts.CompletionEntry): number {
  if (a.sortText !== b.sortText) return a.sortText < b.sortText ? -1 : 1;
  return a.name < b.name ? -1 : a.name > b.name ? 1 : 0;
}

function kindName(kind: string): string {
  const names: Record<string, string> = { var: 'variable', let: 'variable', alias: 'module', '': 'text' };
  return names[kind] ?? kind;
}

/** The type of a value, and what an imported name really is. */
function describe(symbol: ts.Symbol | undefined, cell: ts.SourceFile, checker: ts.TypeChecker): Description {
  if (!symbol) return {};
  const isAlias = (symbol.flags & ts.SymbolFlags.Alias) !== 0;
  const target = isAlias ? checker.getAliasedSymbol(symbol) : symbol;
  if ((target.flags & ts.SymbolFlags.Value) === 0 || checker.isUnknownSymbol(target)) return {};
  const type = checker.getTypeOfSymbolAtLocation(target, cell);
  const [call, ...overloads] = type.getCallSignatures();
  const text = call
    ? checker.signatureToString(call, cell) + (overloads.length ? ` (+${overloads.length})` : '')
    : checker.typeToString(type, cell);
  const readable = withoutPaths(text);
  const signature =
    readable.length > longestSignature ? `${readable.slice(0, longestSignature - 1)}…` : readable;
  if (!isAlias) return { signature };
  return { signature, kind: call ? 'function' : target.flags & ts.SymbolFlags.Class ? 'class' : 'variable' };
}

/** What the completion of import paths asks of its host. */
function serviceHost(owner: PersistentChecker): unknown {
  const { host, options } = owner;
  return {
    ...host,
    getCompilationSettings: () => options,
    getScriptFileNames: () => [],
    getScriptVersion: () => '1',
    getScriptSnapshot: () => undefined,
    getSourceFile: () => undefined,
  };
}
