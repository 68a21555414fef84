/**
 * One TypeScript checker that lives across cells. A cell is parsed, bound, put under the scope of the earlier cells
 * and checked; nothing is emitted and no earlier type is computed twice. The checker believes it works for a program:
 * `#asProgram` answers for the real program (libraries, imported modules) and for the cells. A new import makes a new
 * program, and a new checker only where that changed the global types.
 */
import { join } from 'node:path';
import ts from 'typescript';
import { assignedGlobals, withAbsentGlobals } from './absent-globals.js';
import { parseCell, references } from './cell-file.js';
import { cellGlobals, compilerOptions } from './compiler-options.js';
import { located } from './diagnostics.js';
import { sleepIfKept } from './kept-files.js';
import { ModuleHost } from './module-host.js';
import { packageRoot } from './own-package.js';
import { Scope } from './scope.js';
import { checkFile, internal, internals } from './typescript-internal.js';
import { fileErrors, userFilesOf } from './user-files.js';

/** A cell that was added ahead of its turn, and what its check stands on. */
export interface AheadCell {
  cell: ts.SourceFile;
  scope: Scope;
  checker: ts.TypeChecker;
}

/** Virtual files; their names are the same for every notebook, so that a prepared program fits any (`moveTo`). */
const importsFile = join(packageRoot, '__imports.ts');
const globalsFile = join(packageRoot, '__globals.d.ts');

/** After ten unknown names a checker stops looking for what the user may have meant. */
const unknownNameCodes = new Set([2304, 2503, 2552, 2833, 18004]);
const unknownNameLimit = 10;

export class PersistentChecker {
  readonly options: ts.CompilerOptions;
  readonly host: ModuleHost;
  /** What the compiler's services take for the program. */
  readonly asProgram: ts.Program;
  readonly #specifiers = new Set<string>();
  readonly #resolved = new Map<string, ts.ResolvedModuleWithFailedLookupLocations>();
  readonly #cells = new Map<string, ts.SourceFile>();
  #program!: ts.Program;
  #checker: ts.TypeChecker | undefined;
  #checkerFiles: readonly ts.SourceFile[] = [];
  /** Names that cells have assigned to `globalThis`. */
  readonly #providedGlobals = new Set<string>();
  #unknownNames = 0;
  #sequence = 0;
  #scope: Scope;

  constructor(public cwd: string) {
    this.options = compilerOptions(cwd);
    this.host = new ModuleHost(cwd, this.options);
    this.host.setVirtual(globalsFile, cellGlobals, true);
    this.asProgram = this.#programWithCells();
    this.#scope = this.#emptyScope();
    this.#buildProgram();
  }

  /**
   * Makes a checker that has seen no import yet the checker of another folder. False, and nothing done, where a
   * file it was made of has changed since, or that folder has other types of Node.
   */
  moveTo(cwd: string, isCurrent: (file: ts.SourceFile) => boolean): boolean {
    const files = this.#program.getSourceFiles().filter((file) => !this.host.isVirtual(file.fileName));
    if (this.#specifiers.size > 0 || !files.every(isCurrent)) return false;
    const options = compilerOptions(cwd);
    if (new ModuleHost(cwd, options).nodeTypes() !== this.host.nodeTypes()) return false;
    // In place: the program goes on with the options it was made with.
    Object.assign(this.options, options);
    this.host.moveTo(cwd);
    this.cwd = cwd;
    this.#scope = this.#emptyScope();
    return true;
  }

  get checker(): ts.TypeChecker {
    this.#checker ??= this.#createChecker();
    return this.#checker;
  }

  /** Parses a cell and puts it under the scope; it stays known to the checker until `remove`. */
  add(text: string, { isQuery = false } = {}): ts.SourceFile {
    const cell = this.#parse(text);
    this.#resolveImports(specifiersOf(cell), isQuery);
    this.#bind(cell, this.#scope);
    if (internals(cell).moduleAugmentations.length) this.#checker = undefined;
    return cell;
  }

  /**
   * Adds a cell as if `previous` had been committed. Undefined where that loads a module or changes global types:
   * the cell may never run, and other cells would see it.
   */
  addAhead(text: string, previous: ts.SourceFile): AheadCell | undefined {
    const cell = this.#parse(text);
    const loads = specifiersOf(cell).some((name) => !this.#isTyped(name));
    if (loads || internals(cell).moduleAugmentations.length) {
      this.remove(cell);
      return undefined;
    }
    const scope = this.#scope.with(previous);
    this.#bind(cell, scope);
    return { cell, scope, checker: this.checker };
  }

  /** Whether a cell that was added ahead would be checked in the same way now. */
  isCurrent({ scope, checker }: AheadCell): boolean {
    this.#refresh();
    return scope === this.#scope && checker === this.#checker;
  }

  #parse(text: string): ts.SourceFile {
    this.#refresh();
    if (this.#unknownNames >= unknownNameLimit) this.#checker = undefined;
    const cell = parseCell(join(this.cwd, `__cell_${this.#sequence++}.ts`), text);
    this.#cells.set(cell.fileName, cell);
    return cell;
  }

  #bind(cell: ts.SourceFile, scope: Scope): void {
    internal.bindSourceFile(cell, this.options);
    scope.attach(cell);
  }

  /** @param undone names of the cell that do not count: it failed before they had a value */
  commit(cell: ts.SourceFile, undone: readonly string[] = []): void {
    for (const name of assignedGlobals(cell.text)) this.#providedGlobals.add(name);
    this.#scope = undone.length > 0 ? this.#scope.withPart(cell, new Set(undone)) : this.#scope.with(cell);
  }

  remove(cell: ts.SourceFile): void {
    this.#cells.delete(cell.fileName);
    if (internals(cell).moduleAugmentations.length) this.#checker = undefined;
  }

  /** Forgets every cell; libraries and modules stay loaded. */
  reset(): void {
    if ([...this.#cells.values()].some((cell) => internals(cell).moduleAugmentations.length))
      this.#checker = undefined;
    this.#cells.clear();
    this.#providedGlobals.clear();
    this.#scope = this.#emptyScope();
  }

  diagnostics(cell: ts.SourceFile): readonly ts.DiagnosticWithLocation[] {
    const { parseDiagnostics, bindDiagnostics } = internals(cell);
    if (parseDiagnostics.length) return parseDiagnostics;
    const unresolved = references(cell).filter((item) => !this.#resolved.get(item.specifier)?.resolvedModule);
    const found = [
      ...unresolved.map(({ range, code, message }) =>
        located(cell, range.pos, range.end - range.pos, code, message),
      ),
      ...bindDiagnostics,
      ...withAbsentGlobals(cell, this.checker, this.#providedGlobals, checkFile(this.checker, cell)),
    ];
    this.#unknownNames += found.filter((item) => unknownNameCodes.has(item.code)).length;
    return found;
  }

  /** What the cells that were committed so far mean by a name. */
  earlier(name: string): ts.Symbol | undefined {
    return this.#scope.get(name);
  }

  /** The user's own files that the cell imports, directly or through each other. */
  importedFiles(cell: ts.SourceFile): ts.SourceFile[] {
    return internals(cell).imports.length === 0 ? [] : userFilesOf(cell, this.asProgram);
  }

  /** Errors in the user's files that the cell imports. */
  importedErrors(cell: ts.SourceFile): ts.DiagnosticWithLocation[] {
    return fileErrors(this.importedFiles(cell), (file) => [
      ...internals(file).bindDiagnostics,
      ...checkFile(this.checker, file),
    ]);
  }

  #emptyScope(): Scope {
    return Scope.over(join(this.cwd, '__scope.ts'), parseCell, this.options);
  }

  /** @param isQuery a cell that is still being typed: its imports are looked up once, not again and again */
  #resolveImports(specifiers: string[], isQuery: boolean): void {
    const open = specifiers.filter((name) => !this.#isTyped(name));
    const fresh = open.filter((name) => !this.#specifiers.has(name));
    if (fresh.length === 0 && (isQuery || open.length === 0)) return;
    for (const name of fresh) this.#specifiers.add(name);
    // What was missing, or had no types, may have been installed since.
    if (fresh.length < open.length) this.host.forgetResolutions();
    this.#buildProgram();
    if (isQuery || fresh.length < open.length || fresh.every((name) => this.#isTyped(name))) return;
    this.host.forgetResolutions();
    this.#buildProgram();
  }

  #isTyped(specifier: string): boolean {
    const module = this.#resolved.get(specifier)?.resolvedModule;
    return module ? !/^\.[cm]?jsx?$/.test(module.extension) : this.#isAmbient(specifier);
  }

  #isAmbient(specifier: string): boolean {
    return this.checker.getAmbientModules().some((symbol) => symbol.name === `"${specifier}"`);
  }

  /** Where the user's files changed on disk, reads them again and forgets the types made of the old ones. */
  #refresh(): void {
    if (!this.host.dropChanged()) return;
    this.host.forgetResolutions();
    this.#resolved.clear();
    this.#checker = undefined;
    this.#buildProgram();
  }

  #buildProgram(): void {
    const specifiers = [...this.#specifiers];
    const imports = specifiers
      .map((name, index) => `import * as _${index} from ${JSON.stringify(name)};\n`)
      .join('');
    this.host.setVirtual(importsFile, imports, false);
    const before = new Set<ts.SourceFile>(this.#program?.getSourceFiles());
    this.#program = ts.createProgram({
      rootNames: [globalsFile, importsFile],
      options: this.options,
      host: this.host,
      ...(this.#program ? { oldProgram: this.#program } : {}),
    });
    this.host.programBuilt();
    for (const name of specifiers)
      this.#resolved.set(name, this.host.resolve(name, join(this.cwd, '__imports.ts'), ts.ModuleKind.ESNext));
    for (const file of this.#program.getSourceFiles()) {
      if (before.has(file)) continue;
      if (!internals(file).locals) {
        internal.bindSourceFile(file, this.options);
        sleepIfKept(file);
      }
      if (changesGlobals(file)) this.#checker = undefined;
    }
  }

  #createChecker(): ts.TypeChecker {
    this.#unknownNames = 0;
    const augmenting = [...this.#cells.values()].filter((cell) => internals(cell).moduleAugmentations.length);
    // Only cells that augment globals or modules take part in the checker's set-up; the others come and go.
    this.#checkerFiles = [...this.#program.getSourceFiles(), ...augmenting];
    const checker = internal.createTypeChecker(this.asProgram);
    this.#checkerFiles = [];
    return checker;
  }

  #programWithCells(): ts.Program {
    const isCell = (file: ts.SourceFile) => this.#cells.has(file.fileName);
    const own: Record<string, unknown> = {
      getSourceFile: (name: string) => this.#cells.get(name) ?? this.#program.getSourceFile(name),
      getSourceFiles: () => (this.#checkerFiles.length ? this.#checkerFiles : this.#program.getSourceFiles()),
      getResolvedModule: (file: ts.SourceFile, name: string, mode: ts.ResolutionMode) =>
        isCell(file) ? this.#resolved.get(name) : call(this.#program, 'getResolvedModule', file, name, mode),
      getResolvedModuleFromModuleSpecifier: (literal: ts.StringLiteralLike, given?: ts.SourceFile) => {
        const file = given ?? literal.getSourceFile();
        return isCell(file)
          ? this.#resolved.get(literal.text)
          : call(this.#program, 'getResolvedModuleFromModuleSpecifier', literal, file);
      },
      getTypeChecker: () => this.checker,
    };
    return new Proxy({} as ts.Program, {
      get: (_, key: string) => own[key] ?? (this.#program as unknown as Record<string, unknown>)[key],
      has: (_, key) => key in this.#program,
    });
  }
}

function specifiersOf(cell: ts.SourceFile): string[] {
  const imports = internals(cell).imports.map((literal) => literal.text);
  return [...imports, ...references(cell).map((item) => item.specifier)];
}

function call(target: object, method: string, ...args: unknown[]): unknown {
  return (target as Record<string, (...args: unknown[]) => unknown>)[method]?.(...args);
}

/** Whether adding this file changes types that other files see without importing it. */
function changesGlobals(file: ts.SourceFile): boolean {
  const inner = internals(file);
  return (
    !internal.isExternalOrCommonJsModule(file) ||
    inner.moduleAugmentations.length > 0 ||
    (inner.patternAmbientModules?.length ?? 0) > 0 ||
    inner.jsGlobalAugmentations !== undefined ||
    inner.symbol?.globalExports !== undefined
  );
}
