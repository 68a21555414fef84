/**
 * Files to the other form: which file becomes which, and what may be written over. A file that is newer than its source
 * and would change is left alone, as is a TypeScript file that is no notebook; `force` writes all the same.
 */
import { readdir, readFile, stat } from 'node:fs/promises';
import { basename, dirname, extname, join, relative, resolve } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { derivedId } from '../notebook/cell-id.js';
import type { Notebook } from '../notebook/format.js';
import { NotebookFileError, readNotebook } from '../notebook/read.js';
import { SelectionError, selectNotebooks } from '../notebook/select.js';
import { serializeNotebook } from '../notebook/serialize.js';
import { InvalidNotebookError } from '../notebook/validate.js';
import { replaceFile } from '../notebook/write.js';
import { TextFormError } from './header.js';
import { keepOutputs } from './keep-outputs.js';
import { formatPercent, isPercent, parsePercent } from './percent.js';

/** A fault in what the user asked for; the message is one line. */
export class ConvertUsageError extends Error {
  override readonly name = 'ConvertUsageError';
}

export type Form = 'ipynb' | 'ts';

export interface Conversion {
  source: string;
  target: string;
}

export interface ConvertOptions {
  /** The wanted form; what a folder is converted to. */
  to: Form | undefined;
  /** A folder for the results; without it they lie beside their sources. */
  output: string | undefined;
}

/** What was done to the target. */
export type Outcome = 'written' | 'updated' | 'unchanged' | { refused: string };

/** Which files become which. Two files of different form are source and target. Throws ConvertUsageError. */
export async function planConversions(names: string[], options: ConvertOptions): Promise<Conversion[]> {
  const [first, second] = names;
  if (names.length === 2 && !options.to && !options.output && formOf(first!) && formOf(second!)) {
    if (formOf(first!) !== formOf(second!)) return [{ source: first!, target: second! }];
  }
  const plans: Conversion[] = [];
  for (const name of names) {
    const isFolder = await stat(name).then(
      (found) => found.isDirectory(),
      () => false,
    );
    const { files, folder } = isFolder ? await filesOf(name, options.to) : fileOf(name, options.to);
    for (const file of files) {
      const place = join(options.output ?? folder, file);
      plans.push({ source: join(folder, file), target: otherForm(place) });
    }
  }
  const targets = plans.map(({ target }) => resolve(target));
  const twice = plans.find((_, index) => targets.indexOf(targets[index]!) !== index);
  if (twice) throw new ConvertUsageError(`two files would both become ${twice.target}`);
  return plans;
}

/** Converts one file. Throws NotebookFileError where it cannot be read, FileNotReplacedError; nothing is written then. */
export async function convertFile(
  { source, target }: Conversion,
  force: boolean,
  warn: (line: string) => void = () => {},
): Promise<Outcome> {
  const before = await readIfThere(target);
  const content =
    formOf(source) === 'ipynb'
      ? await toText(source, before, warn)
      : await toNotebook(source, target, before, force, warn);
  if (content === before) return 'unchanged';
  if (before !== undefined && !force) {
    const refused = await whyNotOver(source, target, before);
    if (refused !== undefined) return { refused };
  }
  await replaceFile(target, content);
  return before === undefined ? 'written' : 'updated';
}

async function toText(
  source: string,
  before: string | undefined,
  warn: (line: string) => void,
): Promise<string> {
  const notebook = await readNotebook(source, warn);
  const language = notebook.metadata.language_info?.name ?? notebook.metadata.kernelspec?.language;
  if (language !== undefined && !['typescript', 'javascript'].includes(language.toLowerCase())) {
    throw new NotebookFileError(
      `${source}: a notebook in ${language}; only TypeScript and JavaScript have a text form here (jupytext has others)`,
    );
  }
  try {
    const text = formatPercent(notebook);
    // A file that is there keeps its line ends.
    return before?.includes('\r\n') ? text.replaceAll('\n', '\r\n') : text;
  } catch (error) {
    throw asFileError(source, error);
  }
}

async function toNotebook(
  source: string,
  target: string,
  before: string | undefined,
  force: boolean,
  warn: (line: string) => void,
): Promise<string> {
  let text: Notebook;
  try {
    text = parsePercent(await readText(source));
  } catch (error) {
    throw asFileError(source, error);
  }
  if (before === undefined) return serializeNotebook(text);
  try {
    const old = await readNotebook(target, warn);
    const order = new Map(text.cells.map((cell, index) => [cell, index]));
    const updated = keepOutputs(text, old, (cell) => cell.id !== derivedId(cell.source, order.get(cell)!));
    // The same notebook in other bytes is not rewritten; `kernelbook clean` does that.
    return isDeepStrictEqual(updated, old) ? before : serializeNotebook(updated);
  } catch (error) {
    if (force && error instanceof NotebookFileError) return serializeNotebook(text);
    throw error;
  }
}

async function whyNotOver(source: string, target: string, before: string): Promise<string | undefined> {
  if (formOf(target) === 'ts' && !isPercent(before)) return 'is there and is no notebook';
  const [from, to] = await Promise.all([stat(source), stat(target)]);
  return to.mtimeMs > from.mtimeMs ? `is newer than ${source} and differs from it` : undefined;
}

function formOf(path: string): Form | undefined {
  const extension = extname(path);
  return extension === '.ipynb' ? 'ipynb' : extension === '.ts' ? 'ts' : undefined;
}

function otherForm(path: string): string {
  return formOf(path) === 'ipynb' ? path.replace(/\.ipynb$/, '.ts') : path.replace(/\.ts$/, '.ipynb');
}

function fileOf(name: string, to: Form | undefined): { files: string[]; folder: string } {
  const form = formOf(name);
  if (!form) {
    const what = extname(name) === '' ? 'has no ending' : `ends in ${extname(name)}`;
    throw new ConvertUsageError(
      `${name} ${what}; notebooks (.ipynb) and their TypeScript text (.ts) can be converted`,
    );
  }
  if (form === to) throw new ConvertUsageError(`${name} is ${form} already`);
  return { files: [basename(name)], folder: dirname(name) };
}

async function filesOf(folder: string, to: Form | undefined): Promise<{ files: string[]; folder: string }> {
  if (!to)
    throw new ConvertUsageError(
      `${folder} is a folder: say with --to ts or --to ipynb what its files become`,
    );
  if (to === 'ts') {
    try {
      const selected = await selectNotebooks([folder]);
      return { files: selected.map(({ place }) => place), folder };
    } catch (error) {
      throw error instanceof SelectionError ? new ConvertUsageError(error.message) : error;
    }
  }
  const all = (await readdir(folder, { recursive: true }))
    .filter((file) => file.endsWith('.ts') && !file.endsWith('.d.ts'))
    .filter((file) => !file.split(/[\\/]/).some((part) => part.startsWith('.') || part === 'node_modules'))
    .sort();
  const files: string[] = [];
  for (const file of all) if (isPercent(await readText(join(folder, file)))) files.push(file);
  if (files.length === 0)
    throw new ConvertUsageError(`${folder}: none of its .ts files is the text of a notebook`);
  return { files, folder };
}

async function readText(path: string): Promise<string> {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(await readFile(path));
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code === 'ENOENT') throw new NotebookFileError(`${relative('', path)}: no such file`);
    if (code === 'EISDIR') throw new NotebookFileError(`${path}: is a folder`);
    if (code === 'ERR_ENCODING_INVALID_ENCODED_DATA') throw new NotebookFileError(`${path}: not UTF-8 text`);
    throw new NotebookFileError(`${path}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

async function readIfThere(path: string): Promise<string | undefined> {
  return (await stat(path).catch(() => undefined)) ? readText(path) : undefined;
}

function asFileError(path: string, error: unknown): unknown {
  if (error instanceof TextFormError) return new NotebookFileError(`${path}: ${error.message}`);
  if (!(error instanceof InvalidNotebookError)) return error;
  return new NotebookFileError(`${path}: no valid notebook: ${error.message}`);
}
