/**
 * Which notebooks a command works on: files and folders as named, folders in the order of their index.json (the
 * reading order of the workbook) and then by name. Checkpoints and hidden folders are left out.
 */
import { existsSync } from 'node:fs';
import { lstat, readdir, readFile, stat } from 'node:fs/promises';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { nearest } from '../../kernel/kernelspec.js';
import { isInside } from './default-targets.js';
import { isObject } from './format.js';

/** What the user named does not exist or cannot be used; the message is one line. */
export class SelectionError extends Error {
  override readonly name = 'SelectionError';
}

export interface SelectedNotebook {
  /** Absolute. */
  path: string;
  /** Relative to where the command was started: what messages show. */
  name: string;
  /** Where it goes below an output folder: its place below the folder that was named. */
  place: string;
}

export interface IndexEntry {
  file: string;
  title: { en: string; zh: string };
}

/**
 * The notebooks named by `targets`, each once, in order. Throws SelectionError.
 * @param without folders whose notebooks are results: left out where they lie below a folder that was named
 */
export async function selectNotebooks(
  targets: string[],
  cwd = process.cwd(),
  without: readonly string[] = [],
): Promise<SelectedNotebook[]> {
  const results = without.map((folder) => resolve(cwd, folder));
  const selected = new Map<string, SelectedNotebook>();
  for (const target of targets) {
    const path = resolve(cwd, target);
    const kind = await stat(path).catch(() => undefined);
    if (!kind) {
      const isLink = await lstat(path).then(
        () => true,
        () => false,
      );
      if (isLink) throw new SelectionError(`${target}: a link that leads nowhere`);
      throw new SelectionError(`${target}: no such file or folder${await suggestion(path, cwd)}`);
    }
    const files = kind.isDirectory() ? await notebooksIn(path, results) : [basename(path)];
    const folder = kind.isDirectory() ? path : dirname(path);
    if (files.length === 0) throw new SelectionError(`${target}: the folder holds no notebooks (*.ipynb)`);
    for (const file of files) {
      const absolute = join(folder, file);
      if (!selected.has(absolute)) {
        selected.set(absolute, { path: absolute, name: relative(cwd, absolute) || absolute, place: file });
      }
    }
  }
  return [...selected.values()];
}

/** The entries of a folder's index.json; none where there is no such file. Throws SelectionError. */
export async function readIndex(folder: string): Promise<IndexEntry[]> {
  const path = join(folder, 'index.json');
  if (!existsSync(path)) return [];
  const fail = (what: string): never => {
    throw new SelectionError(`${path}: ${what}`);
  };
  let document: unknown;
  try {
    document = JSON.parse(await readFile(path, 'utf8'));
  } catch (error) {
    return fail(error instanceof Error ? error.message : String(error));
  }
  const entries = isObject(document) ? document.notebooks : document;
  if (!Array.isArray(entries)) return fail('there must be a list "notebooks"');
  return entries.map((entry: unknown, index): IndexEntry => {
    if (!isObject(entry) || typeof entry.file !== 'string')
      return fail(`notebooks[${index}].file must be a string`);
    const { title } = entry;
    if (!isObject(title) || typeof title.en !== 'string' || typeof title.zh !== 'string') {
      return fail(`notebooks[${index}].title must be {"en": ..., "zh": ...}`);
    }
    return { file: entry.file, title: { en: title.en, zh: title.zh } };
  });
}

async function notebooksIn(folder: string, results: readonly string[]): Promise<string[]> {
  const left = results.filter((one) => one !== folder);
  const found = (await readdir(folder, { recursive: true }))
    .filter((file) => file.endsWith('.ipynb'))
    .filter((file) => !file.split(/[\\/]/).some((part) => part.startsWith('.') || part === 'node_modules'))
    .filter((file) => !left.some((one) => isInside(join(folder, file), one)))
    .sort();
  const ordered = (await readIndex(folder)).map((entry) => entry.file);
  const absent = ordered.find((file) => !found.includes(file));
  if (absent !== undefined)
    throw new SelectionError(`${join(folder, 'index.json')} lists ${absent}, which does not exist`);
  return [...ordered, ...found.filter((file) => !ordered.includes(file))];
}

async function suggestion(path: string, cwd: string): Promise<string> {
  const names = (await readdir(dirname(path)).catch(() => [])).filter((name) => !name.startsWith('.'));
  const near = nearest(basename(path).toLowerCase(), names);
  return near ? `; did you mean ${join(dirname(relative(cwd, path)), near)}?` : '';
}
