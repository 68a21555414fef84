/**
 * Reads notebooks. Text is joined into one string, cells of files older than 4.5 get an id (derived from
 * their place and source, so the same file gives the same ids), and transient metadata is dropped.
 */
import { readFile } from 'node:fs/promises';
import { freeId } from './cell-id.js';
import { type Cell, isJsonMime, isObject, type Notebook } from './format.js';
import { mendDocument } from './mend/document.js';
import { type Mend, mendsText, type Note } from './mend/mends.js';
import { joinLines } from './text.js';
import { InvalidNotebookError, newestMinor, validateNotebook } from './validate.js';

/** The file could not be read as a notebook; the message is one line that starts with the file's name. */
export class NotebookFileError extends Error {
  override readonly name = 'NotebookFileError';
}

/**
 * Reads and checks one notebook file. What Jupyter would run although it bends the format's rules is read as if it were
 * mended. Throws NotebookFileError; the file is never changed.
 * @param onMended gets a line, the file's name in front, where something had to be mended
 */
export async function readNotebook(path: string, onMended?: (line: string) => void): Promise<Notebook> {
  let source: string;
  try {
    source = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(await readFile(path));
  } catch (error) {
    throw new NotebookFileError(`${path}: ${describeReadError(error)}`);
  }
  try {
    const { notebook, mends } = parseBentNotebook(source);
    if (mends.length > 0)
      onMended?.(`${path}: not a valid notebook, read as if mended: ${mendsText(mends)}; ${mendHint}`);
    return notebook;
  } catch (error) {
    if (error instanceof InvalidNotebookError) {
      throw new NotebookFileError(`${path}: not a valid notebook: ${error.message}`);
    }
    throw error;
  }
}

const mendHint = '"kernelbook clean --repair" mends the file';

/** Parses the text of a notebook file that must be valid. Throws InvalidNotebookError. */
export function parseNotebook(source: string): Notebook {
  let document: unknown;
  try {
    document = JSON.parse(source);
  } catch (error) {
    throw new InvalidNotebookError(noJson(source, error));
  }
  validateNotebook(document);
  return normalise(document as RawNotebook);
}

/** Parses one that may bend the format's rules, and says what was mended. Throws InvalidNotebookError. */
export function parseBentNotebook(source: string): { notebook: Notebook; mends: Mend[] } {
  const mends: Mend[] = [];
  const note = (what: string) => mends.push({ cell: undefined, what });
  const text = source.replace(/^\uFEFF/, '');
  if (text !== source) note('it begins with a byte order mark, passed over');
  const mended = mendDocument(parseLeniently(text, note));
  validateNotebook(mended.document);
  return { notebook: normalise(mended.document as RawNotebook), mends: [...mends, ...mended.mends] };
}

/** Python writes numbers that JSON does not have, and reads them. */
function parseLeniently(source: string, note: Note): unknown {
  try {
    return JSON.parse(source);
  } catch (error) {
    const found = new Set<string>();
    const plain = source.replaceAll(/"(?:[^"\\]|\\.)*"|-?\b(?:NaN|Infinity)\b/g, (token) => {
      if (token.startsWith('"')) return token;
      found.add(token);
      return 'null';
    });
    if (found.size === 0) throw new InvalidNotebookError(noJson(source, error));
    let document: unknown;
    try {
      document = JSON.parse(plain);
    } catch {
      throw new InvalidNotebookError(noJson(source, error));
    }
    note(`it has ${[...found].join(' and ')}, which JSON has not, read as null`);
    return document;
  }
}

function noJson(source: string, error: unknown): string {
  if (source.trim() === '') return 'the file is empty';
  if (/^<{7} .*\n[\s\S]*^>{7} /m.test(source)) return 'no JSON: it has the conflict marks of a merge';
  return `no JSON: ${error instanceof Error ? error.message.replaceAll(/\s+/g, ' ') : String(error)}`;
}

interface RawNotebook {
  metadata: Record<string, unknown>;
  cells: Record<string, unknown>[];
}

/** The document passed the validator: what is left is to bring it into the in-memory form. */
function normalise(document: RawNotebook): Notebook {
  const {
    orig_nbformat: _format,
    orig_nbformat_minor: _minor,
    signature: _signature,
    ...metadata
  } = document.metadata;
  const taken = new Set(document.cells.map((cell) => cell.id));
  const cells = document.cells.map((cell, index) => {
    const source = joinLines(cell.source);
    const normal: Record<string, unknown> = {
      ...cell,
      id: cell.id ?? freeId(source, index, taken),
      source,
    };
    if (isObject(cell.metadata)) {
      const { trusted: _trusted, ...kept } = cell.metadata;
      normal.metadata = kept;
    }
    if (isObject(cell.attachments)) normal.attachments = mapValues(cell.attachments, joinBundle);
    if (Array.isArray(cell.outputs)) normal.outputs = cell.outputs.map(joinOutput);
    return normal as unknown as Cell;
  });
  return { nbformat: 4, nbformat_minor: newestMinor, metadata, cells };
}

function joinOutput(output: Record<string, unknown>): Record<string, unknown> {
  if (output.output_type === 'stream') return { ...output, text: joinLines(output.text) };
  return 'data' in output ? { ...output, data: joinBundle(output.data) } : output;
}

function joinBundle(bundle: unknown): unknown {
  if (!isObject(bundle)) return bundle;
  return Object.fromEntries(
    Object.entries(bundle).map(([mime, value]) => [mime, isJsonMime(mime) ? value : joinLines(value)]),
  );
}

function mapValues(
  object: Record<string, unknown>,
  change: (value: unknown) => unknown,
): Record<string, unknown> {
  return Object.fromEntries(Object.entries(object).map(([key, value]) => [key, change(value)]));
}

function describeReadError(error: unknown): string {
  const code = isObject(error) ? error.code : undefined;
  if (code === 'ENOENT') return 'no such file';
  if (code === 'EISDIR') return 'is a folder, not a notebook';
  if (code === 'EACCES') return 'no permission to read it';
  if (code === 'ERR_ENCODING_INVALID_ENCODED_DATA') return 'not a valid notebook: the file is not UTF-8 text';
  return error instanceof Error ? error.message : String(error);
}
