/**
 * Writes notebooks byte for byte as Jupyter does (keys sorted, indent of one space, text as a list of lines,
 * one newline at the end), and atomically: a reader sees the old file or the new one, never a half.
 */
import { randomBytes } from 'node:crypto';
import { mkdir, open, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { isRunning } from '../../kernel/protocol/process-running.js';
import { type Cell, isJsonMime, isObject, type Notebook } from './format.js';

export interface WriteOptions {
  /**
   * False leaves out the wait for the disk: the file still survives the end of every process, at any moment, but
   * after a power cut the old one may be back, or on some file systems an empty one.
   */
  durable?: boolean;
  /** Default: that of the file which is replaced, for a new one what the system gives. */
  mode?: number;
}

/** Writes the notebook to `path`, making its folder when needed. Each call is atomic. */
export async function writeNotebook(
  path: string,
  notebook: Notebook,
  options: WriteOptions = {},
): Promise<void> {
  await writeFileAtomically(path, joinPieces(notebookPieces(notebook)), options);
}

/** The text of the notebook file. */
export function serializeNotebook(notebook: Notebook): string {
  return [...notebookPieces(notebook)].join('');
}

/**
 * The text of the notebook file, a cell at a time: a notebook may be larger than the longest string. Each cell is
 * looked at when its turn comes, so one that changes meanwhile is in the file as it was at some moment.
 */
function* notebookPieces({ cells, ...rest }: Notebook): Generator<string> {
  yield '{\n "cells": [';
  for (const [index, cell] of cells.entries()) yield `${index === 0 ? '' : ','}\n  ${cellJson(cell)}`;
  yield cells.length === 0 ? ']' : '\n ]';
  // The other keys sort after "cells".
  yield `,${toJson(rest).slice(1)}\n`;
}

/** With the indentation it has within the notebook, which it gets from two lists around it. */
function cellJson(cell: Cell): string {
  return toJson([[splitCell(cell)]]).slice('[\n [\n  '.length, -'\n ]\n]'.length);
}

function splitCell(cell: Cell): Record<string, unknown> {
  const split: Record<string, unknown> = { ...cell, source: splitLines(cell.source) };
  if ('attachments' in cell && cell.attachments) {
    split.attachments = Object.fromEntries(
      Object.entries(cell.attachments).map(([name, bundle]) => [name, splitBundle(bundle)]),
    );
  }
  if (cell.cell_type === 'code') {
    split.outputs = cell.outputs.map((output) => {
      if (output.output_type === 'stream') return { ...output, text: splitLines(output.text) };
      return 'data' in output ? { ...output, data: splitBundle(output.data) } : output;
    });
  }
  return split;
}

function toJson(value: unknown): string {
  return JSON.stringify(sortKeys(value), null, 1);
}

const chunkLength = 1 << 20;

/** Fewer and larger writes. */
function* joinPieces(pieces: Iterable<string>): Generator<string> {
  let chunk = '';
  for (const piece of pieces) {
    if (chunk !== '' && chunk.length + piece.length > chunkLength) {
      yield chunk;
      chunk = '';
    }
    chunk += piece;
  }
  yield chunk;
}

/** Temporary file in the same folder, fsync, rename: safe against crashes and full disks. */
export async function writeFileAtomically(
  path: string,
  content: string | Uint8Array | Iterable<string>,
  { durable = true, mode }: WriteOptions = {},
): Promise<void> {
  const folder = dirname(path);
  await mkdir(folder, { recursive: true });
  const unique = `${process.pid}-${randomBytes(6).toString('hex')}`;
  const temporary = join(folder, `${temporaryPrefix(path)}${unique}.tmp`);
  try {
    const file = await open(temporary, 'wx', 0o666);
    try {
      const wanted = mode ?? (await modeOf(path));
      if (wanted !== undefined) await file.chmod(wanted);
      await writeFile(file, content);
      if (durable) await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => {}); // the folder may be gone or read-only by now
    throw error;
  }
}

async function modeOf(path: string): Promise<number | undefined> {
  const existing = await stat(path).catch(() => undefined);
  return existing?.isFile() ? existing.mode & 0o777 : undefined;
}

/** Removes what writers of `path` left behind that were killed while they wrote. */
export async function removeAbandoned(path: string): Promise<void> {
  const prefix = temporaryPrefix(path);
  const files = await readdir(dirname(path)).catch(() => []);
  for (const file of files) {
    const writer = file.startsWith(prefix) && /^(\d+)-[0-9a-f]{12}\.tmp$/.exec(file.slice(prefix.length));
    if (writer && !isRunning(Number(writer[1])))
      await rm(join(dirname(path), file), { force: true }).catch(() => {});
  }
}

function temporaryPrefix(path: string): string {
  return `.${basename(path)}.`;
}

function splitBundle(bundle: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(bundle).map(([mime, value]) => {
      const isText =
        mime.startsWith('text/') || mime === 'image/svg+xml' || mime === 'application/javascript';
      return [mime, typeof value === 'string' && isText && !isJsonMime(mime) ? splitLines(value) : value];
    }),
  );
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: Python ends lines at some of them
const lineEnd = /\r\n|[\n\v\f\r\x1c-\x1e\x85\u2028\u2029]/g;

/** Splits where Python's `str.splitlines` does, so that Jupyter's own writer would give the same bytes. */
function splitLines(source: string): string[] {
  const lines: string[] = [];
  let start = 0;
  lineEnd.lastIndex = 0;
  while (lineEnd.test(source)) {
    lines.push(source.slice(start, lineEnd.lastIndex));
    start = lineEnd.lastIndex;
  }
  if (start < source.length) lines.push(source.slice(start));
  return lines;
}

function sortKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sortKeys);
  if (!isObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, entry]) => entry !== undefined)
      .sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
      .map(([key, entry]) => [key, sortKeys(entry)]),
  );
}
