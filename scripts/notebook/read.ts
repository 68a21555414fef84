/**
 * Reads notebooks. Text is joined into one string, cells of files older than 4.5 get an id (derived from
 * their place and source, so the same file gives the same ids), and transient metadata is dropped.
 */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { type Cell, isJsonMime, isObject, type Notebook } from './format.js';
import { InvalidNotebookError, newestMinor, validateNotebook } from './validate.js';

/** The file could not be read as a notebook; the message is one line that starts with the file's name. */
export class NotebookFileError extends Error {
  override readonly name = 'NotebookFileError';
}

/** Reads and checks one notebook file. Throws NotebookFileError; the file is never changed. */
export async function readNotebook(path: string): Promise<Notebook> {
  let source: string;
  try {
    source = new TextDecoder('utf-8', { fatal: true }).decode(await readFile(path));
  } catch (error) {
    throw new NotebookFileError(`${path}: ${describeReadError(error)}`);
  }
  try {
    return parseNotebook(source);
  } catch (error) {
    if (error instanceof InvalidNotebookError) {
      throw new NotebookFileError(`${path}: not a valid notebook: ${error.message}`);
    }
    throw error;
  }
}

/** Parses the text of a notebook file. Throws InvalidNotebookError. */
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

function noJson(source: string, error: unknown): string {
  if (source.trim() === '') return 'the file is empty';
  if (/^<{7} .*\n[\s\S]*^>{7} /m.test(source)) return 'no JSON: it has the conflict marks of a merge';
  const reason = error instanceof Error ? error.message.replaceAll(/\s+/g, ' ') : String(error);
  const [, number] = /"\s*:\s*(-?(?:NaN|Infinity))\b/.exec(source) ?? [];
  return `no JSON: ${reason}${number ? `; JSON has no ${number}, which Python writes all the same: replace it, or clear the outputs that have it` : ''}`;
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
    const source = join(cell.source);
    const normal: Record<string, unknown> = {
      ...cell,
      id: cell.id ?? deriveId(source, index, taken),
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
  if (output.output_type === 'stream') return { ...output, text: join(output.text) };
  return 'data' in output ? { ...output, data: joinBundle(output.data) } : output;
}

function joinBundle(bundle: unknown): unknown {
  if (!isObject(bundle)) return bundle;
  return Object.fromEntries(
    Object.entries(bundle).map(([mime, value]) => [mime, isJsonMime(mime) ? value : join(value)]),
  );
}

function join(value: unknown): unknown {
  return Array.isArray(value) ? value.join('') : value;
}

function mapValues(
  object: Record<string, unknown>,
  change: (value: unknown) => unknown,
): Record<string, unknown> {
  return Object.fromEntries(Object.entries(object).map(([key, value]) => [key, change(value)]));
}

/** The id that a cell without one gets from its place and source, unless another cell has it. */
export function derivedId(source: unknown, index: number, attempt = 0): string {
  return createHash('sha256')
    .update(`${index} ${attempt} ${String(source)}`)
    .digest('hex')
    .slice(0, 8);
}

function deriveId(source: unknown, index: number, taken: Set<unknown>): string {
  for (let attempt = 0; ; attempt++) {
    const hash = derivedId(source, index, attempt);
    if (taken.has(hash)) continue;
    taken.add(hash);
    return hash;
  }
}

function describeReadError(error: unknown): string {
  const code = isObject(error) ? error.code : undefined;
  if (code === 'ENOENT') return 'no such file';
  if (code === 'EISDIR') return 'is a folder, not a notebook';
  if (code === 'EACCES') return 'no permission to read it';
  if (code === 'ERR_ENCODING_INVALID_ENCODED_DATA') return 'not a valid notebook: the file is not UTF-8 text';
  return error instanceof Error ? error.message : String(error);
}
