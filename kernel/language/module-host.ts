/**
 * Files and module resolution for the notebook's program: parsed files are kept for the whole session, the user's
 * own files are re-read when they change on disk, and `kernelbook` and `tslab` resolve from this package where the
 * notebook's project does not have them.
 */
import { statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import ts from 'typescript';
import { keepFile, keptFile } from './kept-files.js';
import { packageRoot, providedPackages } from './own-package.js';

/** Declarations never change under a session, except those of the user's project. */
function isStable(fileName: string): boolean {
  return fileName.includes('/node_modules/') || /[\\/]lib\.[\w.]+\.d\.ts$/.test(fileName);
}

/** Whether a file declares what every file has without an import: the libraries of the language, of browsers and of Node. */
export function isLibrary(fileName: string): boolean {
  return /[\\/]lib\.[\w.]+\.d\.ts$|\/node_modules\/(?:@types\/node|undici-types)\//.test(fileName);
}

function modified(fileName: string): number {
  return statSync(fileName, { throwIfNoEntry: false })?.mtimeMs ?? -1;
}

export class ModuleHost implements ts.CompilerHost {
  readonly #parsed = new Map<string, ts.SourceFile | undefined>();
  readonly #virtual = new Map<string, ts.SourceFile>();
  /** The user's own files of the program, with the time of the version that was read. */
  readonly #watched = new Map<string, number>();
  #resolutions: ts.ModuleResolutionCache;
  #retrying = false;

  constructor(
    public cwd: string,
    readonly options: ts.CompilerOptions,
  ) {
    this.#resolutions = this.#newCache();
  }

  /** From now on the notebook's folder is `cwd`; the files that were read stay. */
  moveTo(cwd: string): void {
    this.cwd = cwd;
    this.#resolutions = this.#newCache();
  }

  isVirtual(fileName: string): boolean {
    return this.#virtual.has(fileName);
  }

  /** Where the types of Node come from. */
  nodeTypes(): string | undefined {
    const file = join(this.cwd, '__types.ts');
    return ts.resolveTypeReferenceDirective('node', file, this.options, this).resolvedTypeReferenceDirective
      ?.resolvedFileName;
  }

  #newCache(): ts.ModuleResolutionCache {
    return ts.createModuleResolutionCache(this.cwd, (name) => name, this.options);
  }

  /** A file that exists only here (the list of imports, the globals). */
  setVirtual(fileName: string, text: string, declaration: boolean): ts.SourceFile {
    const file = ts.createSourceFile(fileName, text, {
      languageVersion: ts.ScriptTarget.ESNext,
      ...(declaration ? {} : { setExternalModuleIndicator: markAsModule }),
    });
    this.#virtual.set(fileName, file);
    return file;
  }

  /** Makes the next program look again for modules that were not found, or not found where they are now. */
  forgetResolutions(): void {
    this.#resolutions = this.#newCache();
    this.#retrying = true;
  }

  programBuilt(): void {
    this.#retrying = false;
  }

  /** Drops the user's files that changed on disk; true if there were any. */
  dropChanged(): boolean {
    let changed = false;
    for (const [fileName, time] of this.#watched) {
      if (modified(fileName) === time) continue;
      this.#watched.delete(fileName);
      this.#parsed.delete(fileName);
      changed = true;
    }
    return changed;
  }

  resolve(
    specifier: string,
    containingFile: string,
    mode?: ts.ResolutionMode,
  ): ts.ResolvedModuleWithFailedLookupLocations {
    const from = (file: string) =>
      ts.resolveModuleName(specifier, file, this.options, this, this.#resolutions, undefined, mode);
    const result = from(containingFile);
    if (result.resolvedModule || !providedPackages.includes(specifier)) return result;
    return from(join(packageRoot, '__self.ts'));
  }

  resolveModuleNameLiterals = (
    literals: readonly ts.StringLiteralLike[],
    containingFile: string,
    _redirect: ts.ResolvedProjectReference | undefined,
    options: ts.CompilerOptions,
    file: ts.SourceFile,
  ): ts.ResolvedModuleWithFailedLookupLocations[] =>
    literals.map((literal) =>
      this.resolve(
        literal.text,
        this.#lookupFile(containingFile),
        ts.getModeForUsageLocation(file, literal, options),
      ),
    );

  /** What a virtual file imports is looked for from the notebook's folder. */
  #lookupFile(containingFile: string): string {
    return this.#virtual.has(containingFile) ? join(this.cwd, '__imports.ts') : containingFile;
  }

  // The compiler takes these out of the object: they must be bound.
  hasInvalidatedResolutions = (): boolean => this.#retrying;

  getSourceFile = (
    fileName: string,
    version: ts.ScriptTarget | ts.CreateSourceFileOptions,
  ): ts.SourceFile | undefined => {
    const virtual = this.#virtual.get(fileName);
    if (virtual) return virtual;
    if (this.#parsed.has(fileName)) return this.#parsed.get(fileName);
    const kept = keptFile(fileName);
    const time = isStable(fileName) ? undefined : modified(fileName);
    if (time !== undefined) this.#watched.set(fileName, time);
    if (kept) {
      this.#parsed.set(fileName, kept);
      return kept;
    }
    const text = ts.sys.readFile(fileName);
    const options = typeof version === 'object' ? version : { languageVersion: version };
    // Comments of declarations are parsed when someone hovers (documentation.ts): parsing them here would slow the start.
    const jsDocParsingMode = /\.d\.[cm]?ts$/.test(fileName)
      ? ts.JSDocParsingMode.ParseNone
      : ts.JSDocParsingMode.ParseAll;
    const file =
      text === undefined
        ? undefined
        : ts.createSourceFile(fileName, text, { ...options, jsDocParsingMode }, false);
    this.#parsed.set(fileName, file);
    if (file) keepFile(fileName, file);
    return file;
  };

  fileExists = (fileName: string): boolean => this.#virtual.has(fileName) || ts.sys.fileExists(fileName);
  readFile = (fileName: string): string | undefined =>
    this.#virtual.get(fileName)?.text ?? ts.sys.readFile(fileName);
  directoryExists = (name: string): boolean => ts.sys.directoryExists(name);
  getDirectories = (name: string): string[] => ts.sys.getDirectories(name);
  readDirectory = ts.sys.readDirectory;
  realpath = (name: string): string => ts.sys.realpath?.(name) ?? name;
  getDefaultLibFileName = (options: ts.CompilerOptions): string => ts.getDefaultLibFilePath(options);
  getDefaultLibLocation = (): string => dirname(ts.getDefaultLibFilePath(this.options));
  getModuleResolutionCache = (): ts.ModuleResolutionCache => this.#resolutions;
  getCurrentDirectory = (): string => this.cwd;
  getCanonicalFileName = (name: string): string => name;
  useCaseSensitiveFileNames = (): boolean => true;
  getNewLine = (): string => '\n';
  writeFile = (): void => {};
}

/** Makes a file a module although it has no import or export. */
export function markAsModule(file: ts.SourceFile): void {
  (file as { externalModuleIndicator?: ts.Node }).externalModuleIndicator = file;
}
