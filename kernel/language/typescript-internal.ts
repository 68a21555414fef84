/**
 * The one binding to TypeScript's internal API: exactly what the persistent checker uses, typed by hand, with a test
 * of its presence at start-up. TypeScript is pinned exactly (6.0.3, the last compiler written in JavaScript);
 * where a function is missing, `missingInternals` names it and the kernel falls back to the LanguageService.
 */
import ts from 'typescript';

interface CommentDirective {
  range: ts.TextRange;
}

interface CommentDirectivesMap {
  markUsed(line: number): boolean;
  getUnusedExpectations(): CommentDirective[];
}

/** What the compiler hangs on a source file beyond its public interface. */
export interface FileInternals {
  path: string;
  resolvedPath: string;
  originalFileName: string;
  parent: unknown;
  externalModuleIndicator: ts.Node | undefined;
  locals: ts.SymbolTable | undefined;
  symbol: { globalExports?: ts.SymbolTable } | undefined;
  imports: ts.StringLiteralLike[];
  moduleAugmentations: (ts.StringLiteral | ts.Identifier)[];
  ambientModuleNames: string[];
  patternAmbientModules?: unknown[];
  jsGlobalAugmentations?: ts.SymbolTable;
  identifiers: Map<string, string>;
  classifiableNames: Set<ts.__String> | undefined;
  parseDiagnostics: ts.DiagnosticWithLocation[];
  bindDiagnostics: ts.DiagnosticWithLocation[];
  commentDirectives?: CommentDirective[];
}

/** The fields of a symbol that a binder sets, and that a later one may change. */
export interface SymbolFields {
  flags: ts.SymbolFlags;
  escapedName: ts.__String;
  declarations: ts.Node[] | undefined;
  valueDeclaration: ts.Node | undefined;
  members: Map<ts.__String, SymbolFields> | undefined;
  exports: Map<ts.__String, SymbolFields> | undefined;
  parent: SymbolFields | undefined;
  exportSymbol: SymbolFields | undefined;
  constEnumOnlyModule: boolean | undefined;
}

/** What the binder hangs on a node. */
export interface BoundNode {
  symbol?: SymbolFields;
  localSymbol?: SymbolFields;
  locals?: Map<ts.__String, SymbolFields>;
  nextContainer?: unknown;
  /** Of classes, interfaces and enums. */
  members?: readonly { symbol?: SymbolFields }[];
}

export function bound(node: ts.Node): BoundNode {
  return node as unknown as BoundNode;
}

export function internals(file: ts.SourceFile): FileInternals {
  return file as unknown as FileInternals;
}

/** The symbol other files see for a declared name: `export const x` has a local and an exported one. */
export function visibleSymbol(symbol: ts.Symbol): ts.Symbol {
  return (symbol as ts.Symbol & { exportSymbol?: ts.Symbol }).exportSymbol ?? symbol;
}

/** Checks one file; the public way to its diagnostics goes through a program. */
export function checkFile(checker: ts.TypeChecker, file: ts.SourceFile): ts.DiagnosticWithLocation[] {
  const inner = checker as ts.TypeChecker & {
    getDiagnostics(file: ts.SourceFile): ts.DiagnosticWithLocation[];
  };
  return inner.getDiagnostics(file);
}

/** The file a module specifier means in a program. */
export function resolvedFile(
  program: ts.Program,
  literal: ts.StringLiteralLike,
  file: ts.SourceFile,
): string | undefined {
  const inner = program as ts.Program & {
    getResolvedModuleFromModuleSpecifier(
      literal: ts.StringLiteralLike,
      file: ts.SourceFile,
    ): Partial<ts.ResolvedModuleWithFailedLookupLocations> | undefined;
  };
  return inner.getResolvedModuleFromModuleSpecifier(literal, file)?.resolvedModule?.resolvedFileName;
}

/** What a name means from a node, be it a value, a type or a namespace. */
export function resolveName(checker: ts.TypeChecker, node: ts.Identifier): ts.Symbol | undefined {
  return (checker as Resolver).resolveName(node.text, node, ts.SymbolFlags.All, false);
}

/** The value that a name has where nothing but globals is in sight. */
export function globalValue(checker: ts.TypeChecker, name: string): ts.Symbol | undefined {
  return (checker as Resolver).resolveName(name, undefined, ts.SymbolFlags.Value, false);
}

type Resolver = ts.TypeChecker & {
  resolveName(
    name: string,
    location: ts.Node | undefined,
    meaning: ts.SymbolFlags,
    noGlobals: boolean,
  ): ts.Symbol | undefined;
};

interface SymbolDisplay {
  displayParts: ts.SymbolDisplayPart[];
  documentation: ts.SymbolDisplayPart[];
  symbolKind: string;
  tags?: ts.JSDocTagInfo[];
}

interface TypeScriptInternals {
  createTypeChecker(host: unknown): ts.TypeChecker;
  bindSourceFile(file: ts.SourceFile, options: ts.CompilerOptions): void;
  objectAllocator: { getSymbolConstructor(): { prototype: object } };
  createSymbolTable(): ts.SymbolTable;
  createCommentDirectivesMap(file: ts.SourceFile, directives: CommentDirective[]): CommentDirectivesMap;
  isExternalOrCommonJsModule(file: ts.SourceFile): boolean;
  getTouchingPropertyName(file: ts.SourceFile, position: number): ts.Node;
  getContainerNode(node: ts.Node): ts.Node | undefined;
  findPrecedingToken(position: number, file: ts.SourceFile): ts.Node | undefined;
  Completions: {
    getCompletionsAtPosition(
      host: unknown,
      program: unknown,
      log: (message: string) => void,
      file: ts.SourceFile,
      position: number,
      preferences: ts.UserPreferences,
      triggerCharacter: undefined,
      completionKind: undefined,
      cancellation: { isCancellationRequested(): boolean; throwIfCancellationRequested(): void },
      formatContext: undefined,
      includeSymbol: boolean,
    ): (ts.CompletionInfo & { entries: (ts.CompletionEntry & { symbol?: ts.Symbol })[] }) | undefined;
  };
  SymbolDisplay: {
    getSymbolDisplayPartsDocumentationAndSymbolKind(
      checker: ts.TypeChecker,
      symbol: ts.Symbol,
      file: ts.SourceFile,
      enclosing: ts.Node | undefined,
      location: ts.Node,
    ): SymbolDisplay;
  };
}

const functions = [
  'createTypeChecker',
  'bindSourceFile',
  'objectAllocator.getSymbolConstructor',
  'createSymbolTable',
  'createCommentDirectivesMap',
  'isExternalOrCommonJsModule',
  'getTouchingPropertyName',
  'getContainerNode',
  'findPrecedingToken',
  'Completions.getCompletionsAtPosition',
  'SymbolDisplay.getSymbolDisplayPartsDocumentationAndSymbolKind',
] as const;

export const internal = ts as unknown as TypeScriptInternals;

/** Names of the internal functions this TypeScript lacks; empty when the persistent checker can work. */
export function missingInternals(api: unknown = ts): string[] {
  return functions.filter((path) => {
    let value: unknown = api;
    for (const key of path.split('.')) value = (value as Record<string, unknown> | undefined)?.[key];
    return typeof value !== 'function';
  });
}
