/**
 * The files that the cells of a notebook of our kernel depend on: what they import from the user's files, directly or
 * through each other, as the kernel would find it. Packages stand for themselves by their name and version; what lies
 * in them is told by the lock files.
 */
import { existsSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { dirname, extname, join, parse, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findUserModule } from '../../kernel/evaluator/user-module.js';
import { packageName, packageRoot, providedPackages } from '../../kernel/language/own-package.js';
import { codeReach } from './code-reach.js';

export interface Dependencies {
  /** Absolute paths. */
  files: Set<string>;
  /** The package.json of each package, likewise; none for this one, which is told by its build. */
  packages: Set<string>;
  usesPackages: boolean;
  /** Why there may be more than these. */
  unknown: Set<string>;
}

export interface NamedSource {
  /** As messages have it: `cell 3`. */
  name: string;
  source: string;
}

export function dependenciesOf(cells: readonly NamedSource[], folder: string): Dependencies {
  const found: Dependencies = {
    files: new Set(),
    packages: new Set(),
    usesPackages: false,
    unknown: new Set(),
  };
  for (const { name, source } of cells) addCode(name, source, folder, found);
  for (const file of found.files)
    if (/\.[cm]?[jt]s$/.test(file)) addCode(file, readFileSync(file, 'utf8'), dirname(file), found);
  return found;
}

function addCode(name: string, source: string, folder: string, found: Dependencies): void {
  const { modules, unknown } = codeReach(name, source);
  for (const why of unknown) found.unknown.add(`${name} ${why}`);
  for (const specifier of modules) {
    const why = addModule(specifier, folder, found);
    if (why !== undefined) found.unknown.add(`${name} imports ${specifier}, ${why}`);
  }
}

/** Returns why it is not known what the module is. */
function addModule(specifier: string, folder: string, found: Dependencies): string | undefined {
  if (/^(\.{1,2}(\/|$)|\/|file:)/.test(specifier)) {
    const files = filesOf(specifier, folder);
    for (const file of files) found.files.add(file);
    return files.length > 0 ? undefined : 'which is not there before the run';
  }
  found.usesPackages = true;
  const [, name] = /^((?:@[^/]+\/)?[^/#]+)/.exec(specifier) ?? [];
  const place = name === undefined ? undefined : packageFolder(name, folder);
  if (place !== undefined && place !== packageRoot) {
    if (!/[\\/]node_modules[\\/]/.test(place)) return 'which is linked from elsewhere';
    found.packages.add(join(place, 'package.json'));
    return undefined;
  }
  return place === packageRoot || providedPackages.includes(specifier) ? undefined : 'which is not installed';
}

/** What a relative import means when it runs and when it is checked; none where it is not there. */
function filesOf(specifier: string, folder: string): string[] {
  const path = specifier.startsWith('file:') ? fileURLToPath(specifier) : resolve(folder, specifier);
  const module = findUserModule(specifier, folder);
  const stem = (module ?? path).slice(0, -extname(module ?? path).length || undefined);
  const declarations = [`${stem}.d.ts`, `${path}.d.ts`, path];
  return [...new Set([...(module ? [module] : []), ...declarations.filter(isFile)])];
}

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;
}

/** Where the package that a name means from a folder really lies. */
function packageFolder(name: string, folder: string): string | undefined {
  const { root } = parse(folder);
  for (let place = folder; ; place = dirname(place)) {
    const installed = join(place, 'node_modules', name);
    if (existsSync(join(installed, 'package.json'))) return realpathSync(installed);
    // A package finds itself by its own name; of the user's own one nothing more is known.
    if (name === packageName && place === packageRoot) return packageRoot;
    if (place === root) return undefined;
  }
}
