/**
 * Writes notebooks byte for byte as Jupyter does (keys sorted, indent of one space, text as a list of lines,
 * one newline at the end), and atomically: a reader sees the old file or the new one, never a half.
 */
import { randomBytes } from 'node:crypto';
import { mkdir, open, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { isJsonMime, isObject, type Notebook } from './format.js';

/** Writes the notebook to `path`, making its folder when needed. Each call is atomic. */
export async function writeNotebook(path: string, notebook: Notebook): Promise<void> {
  await writeFileAtomically(path, serializeNotebook(notebook));
}

/** The text of the notebook file. */
export function serializeNotebook(notebook: Notebook): string {
  const cells = notebook.cells.map((cell) => {
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
  });
  return `${JSON.stringify(sortKeys({ ...notebook, cells }), null, 1)}\n`;
}

/** Temporary file in the same folder, fsync, rename: safe against crashes and full disks. */
export async function writeFileAtomically(path: string, content: string | Uint8Array): Promise<void> {
  const folder = dirname(path);
  await mkdir(folder, { recursive: true });
  const temporary = join(folder, `.${basename(path)}.${randomBytes(6).toString('hex')}.tmp`);
  try {
    const file = await open(temporary, 'wx', 0o666);
    try {
      await file.writeFile(content);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
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

const lineEnds = new Set([10, 11, 12, 13, 0x1c, 0x1d, 0x1e, 0x85, 0x2028, 0x2029]);

/** Splits where Python's `str.splitlines` does, so that Jupyter's own writer would give the same bytes. */
function splitLines(source: string): string[] {
  const lines: string[] = [];
  let start = 0;
  for (let i = 0; i < source.length; i++) {
    if (!lineEnds.has(source.charCodeAt(i))) continue;
    if (source[i] === '\r' && source[i + 1] === '\n') i++;
    lines.push(source.slice(start, i + 1));
    start = i + 1;
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
