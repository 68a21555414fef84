/**
 * One TypeScript checker that lives across cells. A cell is parsed, bound, put under the scope of the earlier cells
 * and checked; nothing is emitted and no earlier type is computed twice. The checker believes it works for a program:
 * `#asProgram` answers for the real program (libraries, imported modules) and for the cells. A new import makes a new
 * program, and a new checker only where that changed the global types.
 */
import { join } from 'node:path';
import ts from 'typescript';
import { parseCell, references } from './cell-file.js';
import { cellGlobals, compilerOptions } from './compiler-options.js';
import { located } from './diagnostics.js';
import { ModuleHost } from './module-host.js';
import { Scope } from './scope.js';
import { checkFile, internal, internals } from './typescript-internal.js';
import { fileErrors, userFilesOf } from './user-files.js';

/** After ten unknown names a checker stops looking for what the user may have meant. */
const unknownNameCodes = new Set([2304, 2503, 2552, 2833, 18004]);
const unknownNameLimit = 10;

export class PersistentChecker {
  readonly options: ts.CompilerOptions;
  readonly host: ModuleHost;
  /** What the compiler's services take for the program. */
  readonly asProgram: ts.Program;
  readonly #importsFile: string;
  readonly #globalsFile: string;
  readonly #specifiers = new Set<string>();
  readonly #resolved = new Map<string, ts.ResolvedModuleWithFailedLookupLocations>();
  readonly #cells = new Map<string, ts.SourceFile>();
  #program!: ts.Program;
  #checker: ts.TypeChecker | undefined;
  #checkerFiles: readonly ts.SourceFile[] = [];
  #unknownNames = 0;
  #sequence = 0;
  #scope: Scope;

  constructor(readonly cwd: string) {
    this.options = compilerOptions(cwd);
    this.host = new ModuleHost(cwd, this.options);
    this.#importsFile = join(cwd, '__imports.ts');
    this.#globalsFile = join(cwd, '__globals.d.ts');
    this.host.setVirtual(this.#globalsFile, cellGlobals, true);
    this.asProgram = this.#programWithCells();
    this.#scope = this.#emptyScope();
    this.#buildProgram();
  }

  get checker(): ts.TypeChecker {
    this.#checker ??= this.#createChecker();
    return this.#checker;
  }

  /** Parses a cell and puts it under the scope; it stays known to the checker until `remove`. */
  add(text: string, { isQuery = false } = {}): ts.SourceFile {
    if (this.host.dropChanged()) this.#reload();
    if (this.#unknownNames >= unknownNameLimit) this.#checker = undefined;
    const cell = parseCell(join(this.cwd, `__cell_${this.#sequence++}.ts`), text);
    const inner = internals(cell);
    this.#cells.set(cell.fileName, cell);
    const specifiers = inner.imports.map((literal) => literal.text);
    this.#resolveImports([...specifiers, ...references(cell).map((item) => item.specifier)], isQuery);
    internal.bindSourceFile(cell, this.options);
    this.#scope.attach(cell);
    if (inner.moduleAugmentations.length) this.#checker = undefined;
    return cell;
  }

  commit(cell: ts.SourceFile): void {
    this.#scope.commit(cell);
  }

  remove(cell: ts.SourceFile): void {
    this.#cells.delete(cell.fileName);
    if (internals(cell).moduleAugmentations.length) this.#checker = undefined;
  }

  /** Forgets every cell; libraries and modules stay loaded. */
  reset(): void {
    this.#cells.clear();
    this.#scope = this.#emptyScope();
    this.#checker = undefined;
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
      ...checkFile(this.checker, cell),
    ];
    this.#unknownNames += found.filter((item) => unknownNameCodes.has(item.code)).length;
    return found;
  }

  /** Errors in the user's files that the cell imports. */
  importedErrors(cell: ts.SourceFile): ts.DiagnosticWithLocation[] {
    if (internals(cell).imports.length === 0) return [];
    return fileErrors(userFilesOf(cell, this.asProgram), (file) => [
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

  /** The user's files changed on disk: read them again, and forget the types made of the old ones. */
  #reload(): void {
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
    this.host.setVirtual(this.#importsFile, imports, false);
    const before = new Set<ts.SourceFile>(this.#program?.getSourceFiles());
    this.#program = ts.createProgram({
      rootNames: [this.#globalsFile, this.#importsFile],
      options: this.options,
      host: this.host,
      ...(this.#program ? { oldProgram: this.#program } : {}),
    });
    this.host.programBuilt();
    for (const name of specifiers)
      this.#resolved.set(name, this.host.resolve(name, this.#importsFile, ts.ModuleKind.ESNext));
    for (const file of this.#program.getSourceFiles()) {
      if (before.has(file)) continue;
      internal.bindSourceFile(file, this.options);
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
