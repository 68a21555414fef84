/**
 * The user's own files, imported by cells: TypeScript, JavaScript and JSON. Which file an import means, how it is
 * compiled, and the version in its URL: a hash of the file and of all the files it imports, so that a change on disk is a
 * new module and an unchanged file keeps its state. Used by the loader thread (`typescript-hooks.ts`) and by the main thread.
 */
import { createHash } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, extname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { decode } from '@jridgewell/sourcemap-codec';
import { languageOf, type Transpiled, type TranspileTools, transpile } from '../language/transpile.js';

const load = createRequire(import.meta.url);
/** Only a kernel that imports files of the user loads these: they take their time. */
const tools: TranspileTools = {
  parser: () => load('oxc-parser') as typeof import('oxc-parser'),
  transformer: () => load('oxc-transform') as typeof import('oxc-transform'),
  compiler: () => load('typescript') as typeof import('typescript'),
};

const versionKey = 'kernelbook';
const commonJs = '.cts';
export const typescriptExtensions: readonly string[] = ['.ts', '.tsx', '.mts', commonJs];
/** What an import may leave out, or add to a folder as `index`. */
const extensions = [...typescriptExtensions, '.js', '.mjs', '.cjs', '.json'];

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;
}

/** The file a relative import means (`./a`, `./a.js` for `a.ts`, `./a.ts`, `./data.json`, `./folder`), if it is the user's. */
export function findUserModule(specifier: string, folder: string): string | undefined {
  if (!/^(\.{1,2}(\/|$)|\/|file:)/.test(specifier)) return undefined;
  const path = specifier.startsWith('file:')
    ? fileURLToPath(specifier)
    : join(specifier.startsWith('/') ? '' : folder, specifier);
  if (!isUserPath(path)) return undefined;
  if (isFile(path)) return extensions.includes(extname(path)) ? path : undefined;
  const stem = path.replace(/\.[cm]?js$/, '');
  const candidates = extensions.flatMap((extension) => [
    `${stem}${extension}`,
    join(path, `index${extension}`),
  ]);
  return candidates.find(isFile);
}

/** The user's TypeScript file a resolved URL names: one that a package's `imports` or `exports` leads to. */
export function userTypeScript(url: string): string | undefined {
  if (!url.startsWith('file:')) return undefined;
  const path = fileURLToPath(url);
  return isUserTypeScript(path) ? path : undefined;
}

export function isUserTypeScript(path: string): boolean {
  return typescriptExtensions.includes(extname(path)) && isUserPath(path);
}

function isUserPath(path: string): boolean {
  return !path.includes('/node_modules/') && !path.endsWith('.d.ts');
}

/** Whether a file is compiled by us; JavaScript and JSON are left to Node. */
export function isTypeScript(url: string): boolean {
  return typescriptExtensions.includes(extname(withoutVersion(url)));
}

/** Whether a file is a module of CommonJS, also for those that import it. */
export function isCommonJs(url: string): boolean {
  return extname(withoutVersion(url)) === commonJs;
}

export function withoutVersion(url: string): string {
  return url.replace(/\?.*$/, '');
}

interface ParsedFile {
  modified: number;
  text: string;
  imports: string[];
}

const parsedFiles = new Map<string, ParsedFile>();

function parseFile(path: string): ParsedFile {
  const modified = statSync(path).mtimeMs;
  const known = parsedFiles.get(path);
  if (known?.modified === modified) return known;
  const text = readFileSync(path, 'utf8');
  const targets = extname(path) === '.json' ? [] : importsOf(path, text);
  const imports = targets.flatMap((target) => findUserModule(target, dirname(path)) ?? []);
  const parsed = { modified, text, imports };
  parsedFiles.set(path, parsed);
  return parsed;
}

function importsOf(path: string, text: string): string[] {
  const { staticImports, staticExports } = moduleSyntax(path, text);
  return [
    ...staticImports.map((item) => item.moduleRequest.value),
    ...staticExports.flatMap((item) => item.entries.flatMap((entry) => entry.moduleRequest?.value ?? [])),
    ...[...text.matchAll(/\brequire\(\s*(['"])(\.[^'"]*)\1\s*\)/g)].map((match) => match[2]!),
  ];
}

function moduleSyntax(path: string, text: string) {
  return tools.parser().parseSync(path, text, { lang: languageOf(path) }).module;
}

/** A file of the user's with all those that it imports, directly or through each other. */
export function withImports(path: string): Set<string> {
  const closure = new Set([path]);
  for (const file of closure) for (const imported of parseFile(file).imports) closure.add(imported);
  return closure;
}

/** The URL under which the current version of a file is loaded. */
export function userModuleUrl(path: string): string {
  const closure = withImports(path);
  const hash = createHash('sha256');
  for (const file of [...closure].sort())
    hash.update(file).update('\0').update(parseFile(file).text).update('\0');
  const url = pathToFileURL(path);
  url.searchParams.set(versionKey, hash.digest('hex').slice(0, 16));
  return url.href;
}

export function isUserModule(url: string): boolean {
  return url.startsWith('file:') && url.includes(`?${versionKey}=`);
}

const commonJsTimes = new Map<string, number>();

/** Notes the versions of the user's CommonJS files that are loaded. */
export function noteCommonJs(cache: NodeJS.Dict<NodeJS.Module>): void {
  for (const { filename } of usersModules(cache))
    if (!commonJsTimes.has(filename)) commonJsTimes.set(filename, modifiedAt(filename));
}

/** Drops from `require.cache` the user's CommonJS files that changed, and those that required them. */
export function forgetChangedCommonJs(cache: NodeJS.Dict<NodeJS.Module>): void {
  const modules = usersModules(cache);
  const stale = new Set(
    modules.filter(({ filename }) => (commonJsTimes.get(filename) ?? -1) !== modifiedAt(filename)),
  );
  for (let size = -1; size !== stale.size; ) {
    size = stale.size;
    for (const item of modules) if (item.children?.some((child) => stale.has(child))) stale.add(item);
  }
  for (const { filename } of stale) {
    delete cache[filename];
    commonJsTimes.delete(filename);
  }
}

/** JSON that was imported stands in the cache as an object without file name and children; others may put in anything. */
function usersModules(cache: NodeJS.Dict<NodeJS.Module>): NodeJS.Module[] {
  return Object.values(cache).filter(
    (item) => typeof item?.filename === 'string' && isUserPath(item.filename),
  ) as NodeJS.Module[];
}

function modifiedAt(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? -1;
}

/**
 * An ES module for a file of the user's; of a module of CommonJS one that requires it and has its exports.
 * @throws SyntaxError naming the file where it is no TypeScript we can run
 */
export function compileUserModule(url: string): string {
  const path = fileURLToPath(withoutVersion(url));
  return isCommonJs(url) ? requiringModule(path) : compileFile(path, 'module').js;
}

function compileFile(path: string, format: 'module' | 'commonjs'): Transpiled {
  const text = readFileSync(path, 'utf8');
  return transpile({ fileName: path, text, format, keepsImports: false }, tools);
}

const required = new Set<string>();

/** What a file is to `require`. @throws SyntaxError naming the file where it is no TypeScript we can run */
export function compileRequired(path: string): string {
  required.add(path);
  return compileFile(path, 'commonjs').js;
}

/** Whether the code of a stack frame is of a file that we compiled: what was required goes by its path. */
export function isUsersCode(file: string): boolean {
  return isUserModule(file) || required.has(file);
}

/** Its default export is what the checker takes for it: `export default`, or else all that the module exports. */
function requiringModule(path: string): string {
  const { staticExports } = moduleSyntax(path, readFileSync(path, 'utf8'));
  const names = staticExports
    .flatMap((item) =>
      item.entries.flatMap(({ exportName, isType }) => (isType ? [] : (exportName.name ?? []))),
    )
    .filter((name) => name !== 'default');
  const exported = [...new Set(names)].map((name) => JSON.stringify(name));
  return `
    import { createRequire } from 'node:module';
    const all = createRequire(${JSON.stringify(pathToFileURL(path).href)})(${JSON.stringify(path)});
    ${exported.map((name, index) => `const _${index} = all[${name}];`).join(' ')}
    export { ${exported.map((name, index) => `_${index} as ${name}`).join(', ')} };
    export default all?.__esModule && 'default' in all ? all.default : all;`;
}

/** The place in the `.ts` file; the compiled place if the file changed so much that it no longer compiles. */
export function originalPosition(
  url: string,
  position: { line: number; column: number },
): { line: number; column: number } {
  if (!isTypeScript(url)) return position;
  let mappings: string;
  try {
    const path = url.startsWith('file:') ? fileURLToPath(withoutVersion(url)) : url;
    ({ mappings } = compileFile(path, isUserModule(url) ? 'module' : 'commonjs'));
  } catch {
    return position;
  }
  return mapBack(mappings, position);
}

/** Undoes one compilation step; both sides are 1-based. */
export function mapBack(
  mappings: string,
  { line, column }: { line: number; column: number },
): { line: number; column: number } {
  const mapped = decode(mappings)[line - 1]?.filter((segment) => segment.length > 1) ?? [];
  // What was put before the first of the user's text on a line, `return (` for instance, stands for that text.
  const segment = mapped.findLast(([start]) => start < column) ?? mapped[0];
  if (segment?.[2] === undefined || segment[3] === undefined) return { line, column };
  // A stretch that was copied as it stands has one mapping, at its start: what follows on the line is shifted alike.
  const shift = Math.max(0, column - 1 - segment[0]);
  return { line: segment[2] + 1, column: segment[3] + 1 + shift };
}
