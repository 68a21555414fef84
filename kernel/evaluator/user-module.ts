/**
 * The user's own `.ts` files, imported by cells. Which file an import means, how it is compiled, and the version in
 * its URL: a hash of the file and of all the files it imports, so that a change on disk is a new module and an
 * unchanged file keeps its state. Used by the loader thread (`typescript-hooks.ts`) and, for stack traces, by the main thread.
 */
import { createHash } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { SourceMap } from 'node:module';
import { dirname, extname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseSync } from 'oxc-parser';
import { transformSync } from 'oxc-transform';

const versionKey = 'kernelbook';
const extensions = ['.ts', '.mts'];

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;
}

/** The TypeScript file a relative import means (`./a`, `./a.js`, `./a.ts`, `./folder`), if it means one. */
export function findUserModule(specifier: string, folder: string): string | undefined {
  if (!/^(\.{1,2}(\/|$)|\/|file:)/.test(specifier)) return undefined;
  const path = specifier.startsWith('file:')
    ? fileURLToPath(specifier)
    : join(specifier.startsWith('/') ? '' : folder, specifier);
  if (path.includes('/node_modules/') || path.endsWith('.d.ts')) return undefined;
  if (extensions.includes(extname(path))) return isFile(path) ? path : undefined;
  if (isFile(path)) return undefined;
  const stem = path.replace(/\.(m?)js$/, '');
  const candidates = extensions.flatMap((extension) => [
    `${stem}${extension}`,
    join(path, `index${extension}`),
  ]);
  return candidates.find(isFile);
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
  const { module } = parseSync(path, text, { lang: 'ts' });
  const targets = [
    ...module.staticImports.map((item) => item.moduleRequest.value),
    ...module.staticExports.flatMap((item) =>
      item.entries.flatMap((entry) => entry.moduleRequest?.value ?? []),
    ),
  ];
  const imports = targets.flatMap((target) => findUserModule(target, dirname(path)) ?? []);
  const parsed = { modified, text, imports };
  parsedFiles.set(path, parsed);
  return parsed;
}

/** The URL under which the current version of a file is loaded. */
export function userModuleUrl(path: string): string {
  const closure = new Set([path]);
  for (const file of closure) for (const imported of parseFile(file).imports) closure.add(imported);
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

export interface CompiledModule {
  code: string;
  mappings: string;
}

/** @throws SyntaxError naming the file where it is no TypeScript we can run */
export function compileUserModule(url: string): CompiledModule {
  const path = fileURLToPath(url.replace(/\?.*$/, ''));
  const result = transformSync(path, readFileSync(path, 'utf8'), {
    lang: 'ts',
    sourceType: 'module',
    sourcemap: true,
  });
  const error = result.errors.find((item) => item.severity === 'Error') ?? result.errors[0];
  if (error)
    throw new SyntaxError(`${path}: ${error.message}${error.codeframe ? `\n${error.codeframe}` : ''}`);
  return { code: result.code, mappings: result.map?.mappings ?? '' };
}

/** The place in the `.ts` file; the compiled place if the file changed so much that it no longer compiles. */
export function originalPosition(
  url: string,
  position: { line: number; column: number },
): { line: number; column: number } {
  let mappings: string;
  try {
    ({ mappings } = compileUserModule(url));
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
  const map = new SourceMap({
    version: 3,
    file: '',
    sources: ['source'],
    sourcesContent: [],
    names: [],
    mappings,
    sourceRoot: '',
  });
  const entry = map.findEntry(line - 1, column - 1);
  if (!('originalLine' in entry)) return { line, column };
  // A stretch that was copied as it stands has one mapping, at its start: what follows on the line is shifted alike.
  const shift = entry.generatedLine === line - 1 ? column - 1 - entry.generatedColumn : 0;
  return { line: entry.originalLine + 1, column: entry.originalColumn + 1 + shift };
}
