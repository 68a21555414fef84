/**
 * Golden files: `golden/NAME.golden.json` beside the notebook `NAME.ipynb`, the facts of each code cell by cell id. They
 * are made to be reviewed: keys in the order of the notebook, short values on one line, one line per line of text.
 */
import { readFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { isObject } from '../notebook/format.js';
import { writeFileAtomically } from '../notebook/write.js';
import type { OutputFacts } from './facts.js';

export interface GoldenCell {
  cell: string;
  outputs: OutputFacts[];
}

/** The file is there, but cannot be used; the message is one line. */
export class GoldenFileError extends Error {
  override readonly name = 'GoldenFileError';
}

const format = 'kernelbook golden 1';

export function goldenPath(notebook: string): string {
  return join(dirname(notebook), 'golden', `${basename(notebook, '.ipynb')}.golden.json`);
}

/** undefined where there is no such file. Throws GoldenFileError. */
export async function readGolden(path: string): Promise<GoldenCell[] | undefined> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if (isObject(error) && error.code === 'ENOENT') return undefined;
    throw new GoldenFileError(`cannot be read: ${error instanceof Error ? error.message : String(error)}`);
  }
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch (error) {
    throw new GoldenFileError(`is no JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
  if (!isObject(document) || document.format !== format || !Array.isArray(document.cells))
    throw new GoldenFileError(`is not of the format "${format}"; write it anew with --update`);
  return document.cells.map((entry: unknown, index): GoldenCell => {
    const good =
      isObject(entry) &&
      typeof entry.cell === 'string' &&
      Array.isArray(entry.outputs) &&
      entry.outputs.every(isObject);
    if (!good)
      throw new GoldenFileError(
        `cells[${index}] must be {"cell": id, "outputs": [...]}; --update repairs it`,
      );
    return entry as unknown as GoldenCell;
  });
}

export async function writeGolden(path: string, cells: readonly GoldenCell[]): Promise<void> {
  await writeFileAtomically(path, serialiseGolden(cells));
}

export function serialiseGolden(cells: readonly GoldenCell[]): string {
  return `${layOut({ format, cells }, '', 0)}\n`;
}

const width = 100;

/** JSON on one line where it fits, lists of numbers on as few as they need, all else with its parts below it. */
function layOut(value: unknown, indent: string, used: number): string {
  const flat = JSON.stringify(value, null, 1).replaceAll(/\n */g, ' ');
  if (typeof value !== 'object' || value === null) return flat;
  if (indent !== '' && indent.length + used + flat.length <= width) return flat;
  const inner = `${indent} `;
  if (Array.isArray(value)) {
    const numbers = value.every((entry) => typeof entry === 'number');
    const parts = numbers ? fill(value) : value.map((entry) => layOut(entry, inner, 0));
    return `[\n${parts.map((part) => inner + part).join(',\n')}\n${indent}]`;
  }
  const lines = Object.entries(value).map(([key, entry]) => {
    const name = `${JSON.stringify(key)}: `;
    return inner + name + layOut(entry, inner, name.length);
  });
  return `{\n${lines.join(',\n')}\n${indent}}`;
}

function fill(numbers: readonly number[]): string[] {
  const lines: string[] = [];
  for (const one of numbers.map((value) => JSON.stringify(value))) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + one.length + 2 <= width - 10)
      lines[lines.length - 1] = `${last}, ${one}`;
    else lines.push(one);
  }
  return lines;
}
