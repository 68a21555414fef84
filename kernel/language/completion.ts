/** Completion at a cursor: TypeScript's own list, narrowed to what was typed, with types for the first entries. */
import ts from 'typescript';
import type { CompletionMatch, CompletionResult } from './engine.js';
import type { PersistentChecker } from './persistent-checker.js';
import { internal } from './typescript-internal.js';

const mostMatches = 500;
/** Types cost time to print: only for so many matches. */
const mostDescribed = 40;
const longestSignature = 120;

const never = { isCancellationRequested: () => false, throwIfCancellationRequested: () => {} };

export function complete(cell: ts.SourceFile, cursor: number, owner: PersistentChecker): CompletionResult {
  const info = internal.Completions.getCompletionsAtPosition(
    serviceHost(owner),
    owner.asProgram,
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
  const entries = info?.entries ?? [];
  return completionResult(cell.text, cursor, entries, info?.optionalReplacementSpan, (entry, rank) =>
    rank < mostDescribed ? describe(entry.symbol, cell, owner.checker) : {},
  );
}

interface Description {
  kind?: string;
  signature?: string;
}

type Entry = ts.CompletionEntry & { symbol?: ts.Symbol };

/** Shared with the LanguageService engine: prefix, order, replaced range. */
export function completionResult<E extends Entry>(
  code: string,
  cursor: number,
  entries: readonly E[],
  span: ts.TextSpan | undefined,
  describe: (entry: E, rank: number) => Description,
): CompletionResult {
  const typed = /[\p{ID_Continue}$]*$/u.exec(code.slice(0, cursor))![0];
  const start = span && span.start <= cursor ? span.start : cursor - typed.length;
  // Paths replace more than the last word.
  const isWanted = ({ kind, name, replacementSpan, insertText }: E): boolean => {
    const from = replacementSpan && insertText === undefined ? replacementSpan.start : start;
    return kind !== 'warning' && unquoted(name).startsWith(code.slice(from, cursor).toLowerCase());
  };
  const wanted = entries.filter(isWanted).sort(byTypeScriptOrder).slice(0, mostMatches);
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

function unquoted(name: string): string {
  return name.replace(/^["']/, '').toLowerCase();
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
  const signature = text.length > longestSignature ? `${text.slice(0, longestSignature - 1)}…` : text;
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
