/**
 * The language engine on TypeScript's public LanguageService: each cell is a module that imports the names it uses from
 * the cells before it. Slower by far than the persistent checker, but built on documented API only: the fallback, and
 * the oracle the tests compare with.
 */
import { join } from 'node:path';
import ts from 'typescript';
import { assignedGlobals, withAbsentGlobals } from './absent-globals.js';
import { parseCell } from './cell-file.js';
import { compileCell } from './compile-cell.js';
import { cellGlobals, compilerOptions } from './compiler-options.js';
import { isComplete } from './completeness.js';
import { completionResult } from './completion.js';
import { refused, reject, relevant, shown } from './diagnostics.js';
import type {
  CellToCheck,
  CheckedCell,
  CompileResult,
  CompletenessResult,
  CompletionResult,
  EngineOptions,
  InspectResult,
  LanguageEngine,
} from './engine.js';
import { ModuleHost } from './module-host.js';
import { type KnownName, type WrittenCell, writeCell } from './service-cell.js';
import { internals } from './typescript-internal.js';
import { fileErrors, userFilesOf } from './user-files.js';

interface ServiceCell extends WrittenCell {
  fileName: string;
}

export class ServiceEngine implements LanguageEngine {
  readonly #options: ts.CompilerOptions;
  readonly #modules: ModuleHost;
  readonly #texts = new Map<string, string>();
  readonly #known = new Map<string, KnownName>();
  readonly #providedGlobals = new Set<string>();
  readonly #pending = new Map<number, ServiceCell>();
  readonly #globals: string;
  readonly #cwd: string;
  readonly #service: ts.LanguageService;
  #sequence = 0;

  constructor({ cwd }: EngineOptions) {
    this.#cwd = cwd;
    this.#options = compilerOptions(cwd);
    this.#modules = new ModuleHost(cwd, this.#options);
    this.#globals = join(cwd, '__globals.d.ts');
    this.#texts.set(this.#globals, cellGlobals);
    this.#service = ts.createLanguageService(this.#host());
  }

  compile(code: string, { count }: { count: number }): CompileResult {
    const { own, cell, errors } = this.#check(code);
    if (!cell) return reject(own, count, errors);
    const program = this.#service.getProgram()!;
    const file = program.getSourceFile(cell.fileName)!;
    const compiled = compileCell(own, checkerFor(program.getTypeChecker(), file, cell.offset), count);
    const token = this.#sequence;
    this.#pending.set(token, cell);
    return { ok: true, token, cell: compiled };
  }

  /** Tells of errors only: what a cell with errors declares is unknown here, and names are left to the checker engine. */
  check(code: string, { name }: CellToCheck, isKept: boolean): CheckedCell {
    const { own, cell, errors } = this.#check(code);
    if (cell && isKept) this.#keep(cell);
    return { errors: shown(own, name, errors), declares: [], uses: [], files: [] };
  }

  /** The written cell is there where it has no errors. */
  #check(code: string): { own: ts.SourceFile; cell?: ServiceCell; errors: ts.DiagnosticWithLocation[] } {
    const own = parseCell(join(this.#cwd, 'cell.ts'), code);
    // Syntax errors come from the text alone; in the written module, what follows it would hide some.
    const refusals = refused(own);
    const early = refusals.length ? refusals : internals(own).parseDiagnostics;
    if (early.length) return { own, errors: relevant(early) };
    const cell = this.#add(code);
    const program = this.#service.getProgram()!;
    const file = program.getSourceFile(cell.fileName)!;
    const imported = userFilesOf(file, program).filter((item) => !this.#texts.has(item.fileName));
    const errors = [
      ...relevant(this.#diagnostics(cell, own)),
      ...fileErrors(imported, (item) => program.getSemanticDiagnostics(item) as ts.DiagnosticWithLocation[]),
    ];
    if (errors.length === 0) return { own, cell, errors };
    this.#texts.delete(cell.fileName);
    return { own, errors };
  }

  prepare(): void {}

  commit(token: number, undone: readonly string[] = []): void {
    const cell = this.#pending.get(token);
    this.#pending.delete(token);
    if (cell) this.#keep(cell, undone);
  }

  #keep(cell: ServiceCell, undone: readonly string[] = []): void {
    for (const name of assignedGlobals(cell.text)) this.#providedGlobals.add(name);
    for (const [name, known] of cell.names) if (!undone.includes(name)) this.#known.set(name, known);
  }

  complete(code: string, cursor: number): CompletionResult {
    const cell = this.#add(code, this.#known.keys());
    const info = this.#service.getCompletionsAtPosition(cell.fileName, cell.offset + cursor, {
      includeCompletionsWithInsertText: true,
    });
    this.#texts.delete(cell.fileName);
    const shift = (span: ts.TextSpan | undefined) => span && { ...span, start: span.start - cell.offset };
    const entries = (info?.entries ?? []).map((entry) => ({
      ...entry,
      replacementSpan: shift(entry.replacementSpan),
    }));
    return completionResult(code, cursor, entries, shift(info?.optionalReplacementSpan), () => ({}));
  }

  inspect(code: string, cursor: number): InspectResult {
    const cell = this.#add(code);
    const info = this.#service.getQuickInfoAtPosition(cell.fileName, cell.offset + cursor);
    this.#texts.delete(cell.fileName);
    if (!info) return { found: false, text: '' };
    const parts = [ts.displayPartsToString(info.displayParts), ts.displayPartsToString(info.documentation)];
    return { found: true, text: parts.filter(Boolean).join('\n\n') };
  }

  isComplete(code: string): CompletenessResult {
    return isComplete(code);
  }

  reset(): void {
    this.#known.clear();
    this.#providedGlobals.clear();
    this.#pending.clear();
    for (const name of this.#texts.keys()) if (name !== this.#globals) this.#texts.delete(name);
  }

  #diagnostics(cell: ServiceCell, own: ts.SourceFile): ts.DiagnosticWithLocation[] {
    const program = this.#service.getProgram()!;
    return withAbsentGlobals(
      program.getSourceFile(cell.fileName)!,
      program.getTypeChecker(),
      this.#providedGlobals,
      this.#service.getSemanticDiagnostics(cell.fileName) as ts.DiagnosticWithLocation[],
    ).flatMap((item) =>
      item.start === undefined || item.start < cell.offset || item.start > cell.offset + own.text.length
        ? []
        : [{ ...item, file: own, start: item.start - cell.offset, length: item.length ?? 0 }],
    );
  }

  #add(code: string, offered?: Iterable<string>): ServiceCell {
    this.#modules.dropChanged();
    const fileName = join(this.#cwd, `__cell_${++this.#sequence}.ts`);
    const written = writeCell(code, `./__cell_${this.#sequence}`, this.#known, offered);
    this.#texts.set(fileName, written.text);
    return { fileName, ...written };
  }

  #host(): ts.LanguageServiceHost {
    const files = this.#modules;
    return {
      getCompilationSettings: () => this.#options,
      getScriptFileNames: () => [...this.#texts.keys()],
      getScriptVersion: (name) =>
        this.#texts.has(name) ? '1' : String(ts.sys.getModifiedTime?.(name)?.getTime() ?? 0),
      getScriptSnapshot: (name) => {
        const text = this.#texts.get(name) ?? ts.sys.readFile(name);
        return text === undefined ? undefined : ts.ScriptSnapshot.fromString(text);
      },
      getCurrentDirectory: () => this.#cwd,
      getDefaultLibFileName: files.getDefaultLibFileName,
      fileExists: (name) => this.#texts.has(name) || files.fileExists(name),
      readFile: (name) => this.#texts.get(name) ?? files.readFile(name),
      directoryExists: files.directoryExists,
      getDirectories: files.getDirectories,
      readDirectory: files.readDirectory,
      realpath: files.realpath,
      resolveModuleNameLiterals: (literals, containing, _redirect, options, file) =>
        literals.map((literal) => {
          const cell = /^\.\/__cell_\d+$/.test(literal.text)
            ? join(this.#cwd, `${literal.text}.ts`)
            : undefined;
          if (!cell)
            return files.resolve(
              literal.text,
              containing,
              ts.getModeForUsageLocation(file, literal, options),
            );
          return {
            resolvedModule: { resolvedFileName: cell, extension: '.ts', isExternalLibraryImport: false },
          };
        }),
    };
  }
}

/** The checker of the service's copy of a cell, asked about nodes of the user's own text. */
function checkerFor(checker: ts.TypeChecker, file: ts.SourceFile, offset: number): ts.TypeChecker {
  const twin = (node: ts.Node): ts.Node => {
    const start = node.getStart() + offset;
    const end = node.end + offset;
    const find = (candidate: ts.Node): ts.Node | undefined =>
      candidate.kind === node.kind && candidate.getStart(file) === start && candidate.end === end
        ? candidate
        : ts.forEachChild(candidate, find);
    return find(file) ?? node;
  };
  return { ...checker, getSymbolAtLocation: (node) => checker.getSymbolAtLocation(twin(node)) };
}
