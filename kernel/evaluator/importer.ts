/**
 * `import` for cells. Modules resolve from the notebook's folder as they would for a file there; beyond that,
 * `kernelbook` and `tslab` are always found, the user's files run in their newest version, JSON needs no attribute, and
 * CommonJS packages give all their exports by name (as their types promise), also those Node does not detect.
 */
import { createRequire, isBuiltin, register } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import vm from 'node:vm';
import { resolve as resolveModule } from 'import-meta-resolve';
import { builtFile } from '../language/own-package.js';
import { hasLinkedPackages } from './linked-packages.js';
import { ownEntry, requireWithOwn } from './own-entry.js';
import { placeAt } from './stack.js';
import { installTensorInspection } from './tensor-inspect.js';
import { installTypeScriptRequire } from './typescript-require.js';
import { findUserModule, forgetChangedCommonJs, noteCommonJs } from './user-module.js';

type Namespace = Record<string, unknown>;
type NativeImport = (specifier: string, options?: ImportCallOptions) => Promise<Namespace>;

/** What a cell sees as `import.meta`. */
export interface CellMeta {
  url: string;
  dirname: string;
  filename: string;
  resolve(specifier: string): string;
}

let hooksRegistered = false;

export class Importer {
  readonly require: NodeJS.Require;
  readonly meta: CellMeta;
  readonly #native: NativeImport;

  constructor(readonly cwd: string) {
    installTypeScriptRequire();
    const filename = join(cwd, '__cell.js');
    this.require = requireWithOwn(createRequire(filename));
    const url = pathToFileURL(filename).href;
    this.meta = {
      url,
      dirname: cwd,
      filename,
      resolve: (specifier) => this.#resolve(specifier, url),
    };
    const native = '(specifier, options) => import(specifier, options)';
    this.#native = defaultLoaderScript(native, filename) as NativeImport;
  }

  import = async (specifier: string, options?: ImportCallOptions): Promise<Namespace> => {
    const isUsers = findUserModule(specifier, this.cwd) !== undefined;
    if (isUsers || this.#mayLeadToUsers(specifier)) registerHooks();
    if (isUsers) forgetChangedCommonJs(this.require.cache);
    const isJson = /\.json$/.test(specifier);
    const given = isJson && options === undefined ? { with: { type: 'json' } } : options;
    const here = new Error('import');
    try {
      const loading = quietly(() => this.#native(specifier, given));
      const namespace = await loading;
      noteCommonJs(this.require.cache);
      installTensorInspection(namespace);
      return this.#withAllNames(specifier, namespace, isJson);
    } catch (error) {
      const own = isNotFound(error) ? ownEntry(specifier) : undefined;
      if (own !== undefined) return import(own);
      // What V8 gives as the error of a module whose evaluation was terminated.
      if (error === null || error === undefined)
        throw new Error(
          `import: ${JSON.stringify(specifier)} was interrupted while it was loaded, and Node loads a module only once; restart the kernel to import it`,
        );
      placeAt(error, here);
      throw error;
    }
  };

  /** Whether a package may be, or import, the user's own: the loader is taught TypeScript before it sees the first of them. */
  #mayLeadToUsers(specifier: string): boolean {
    if (hooksRegistered || isBuiltin(specifier)) return false;
    return specifier.startsWith('#') || hasLinkedPackages(this.cwd);
  }

  /** The URL of what `import` loads, without the version of a user's file. */
  #resolve(specifier: string, from: string): string {
    const users = findUserModule(specifier, this.cwd);
    if (users !== undefined) return pathToFileURL(users).href;
    try {
      return resolveModule(specifier, from);
    } catch (error) {
      const own = isNotFound(error) ? ownEntry(specifier) : undefined;
      if (own === undefined) throw error;
      return own;
    }
  }

  /** Types promise the members of JSON and CommonJS modules by name. */
  #withAllNames(specifier: string, namespace: Namespace, isJson: boolean): Namespace {
    const exported = namespace.default;
    if ((typeof exported !== 'object' && typeof exported !== 'function') || exported === null)
      return namespace;
    const missing = Object.keys(exported).filter((name) => !(name in namespace));
    if (missing.length === 0 || !(isJson || this.#isCommonJs(specifier, exported))) return namespace;
    return Object.assign(
      Object.create(null),
      Object.fromEntries(missing.map((name) => [name, (exported as Namespace)[name]])),
      namespace,
    );
  }

  #isCommonJs(specifier: string, exported: unknown): boolean {
    try {
      return this.require.cache[this.require.resolve(specifier)]?.exports === exported;
    } catch {
      return false;
    }
  }
}

/** Runs a script whose `import()` uses Node's ordinary loader, resolving from `filename`. */
export function defaultLoaderScript(code: string, filename: string, lineOffset = 0): unknown {
  const script = new vm.Script(code, {
    filename,
    lineOffset,
    importModuleDynamically: vm.constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
  });
  return script.runInThisContext();
}

/** Node says once that this use of its loader is experimental: known, and of no use to the reader of a notebook. */
function quietly<T>(action: () => T): T {
  const { emitWarning } = process;
  process.emitWarning = (warning: string | Error, ...rest: unknown[]) => {
    if (!String(warning).includes('USE_MAIN_CONTEXT_DEFAULT_LOADER'))
      Reflect.apply(emitWarning, process, [warning, ...rest]);
  };
  try {
    return action();
  } finally {
    process.emitWarning = emitWarning;
  }
}

export function registerHooks(): void {
  if (hooksRegistered) return;
  hooksRegistered = true;
  register(builtFile('kernel', 'evaluator', 'typescript-hooks.js'));
}

function isNotFound(error: unknown): boolean {
  return error instanceof Error && (error as NodeJS.ErrnoException).code === 'ERR_MODULE_NOT_FOUND';
}
