/** The text of notebook files, byte for byte as Jupyter's: keys sorted, indent of one space, text as a list of lines. */
import { type Cell, isJsonMime, isObject, type Notebook, type Output } from './format.js';

/** A cell's text up to where its outputs are, and from there on; all of it is the head where it has none. */
export interface CellText<Piece> {
  head: Piece;
  tail: Piece;
}

/** Makes the texts of which a notebook file consists, with the indentation that they have within it. */
export interface Texts<Piece> {
  cell(cell: Cell): CellText<Piece>;
  output(output: Output): Piece;
}

export const freshTexts: Texts<string> = {
  cell(cell) {
    if (cell.cell_type !== 'code' || cell.outputs.length === 0)
      return { head: toJson(splitCell(cell), 2), tail: '' };
    // Found only there: text in JSON has no line breaks, and metadata lies deeper.
    const outputs = /(?<=\n {3}"outputs": \[)(?=\])/;
    const [head, tail] = toJson({ ...splitCell(cell), outputs: [] }, 2).split(outputs);
    return { head: head!, tail: `\n   ${tail!}` };
  },
  output: (output) => toJson(splitOutput(output), 4),
};

/** The text of the notebook file. */
export function serializeNotebook(notebook: Notebook): string {
  return [...notebookPieces(notebook, freshTexts)].join('');
}

/**
 * The text of the notebook file in pieces: a notebook may be larger than the longest string. Each cell is looked at when
 * its turn comes, so one that changes meanwhile is in the file as it was at some moment.
 */
export function* notebookPieces<Piece>(
  { cells, ...rest }: Notebook,
  texts: Texts<Piece>,
): Generator<string | Piece> {
  yield '{\n "cells": [';
  for (const [index, cell] of cells.entries()) {
    const { head, tail } = texts.cell(cell);
    yield index === 0 ? '\n  ' : ',\n  ';
    yield head;
    if (cell.cell_type === 'code')
      for (const [place, output] of cell.outputs.entries()) {
        yield place === 0 ? '\n    ' : ',\n    ';
        yield texts.output(output);
      }
    yield tail;
  }
  yield cells.length === 0 ? ']' : '\n ]';
  // The other keys sort after "cells".
  yield `,${toJson(rest, 0).slice(1)}\n`;
}

function splitCell(cell: Cell): Record<string, unknown> {
  const split: Record<string, unknown> = { ...cell, source: splitLines(cell.source) };
  if ('attachments' in cell && cell.attachments) {
    split.attachments = Object.fromEntries(
      Object.entries(cell.attachments).map(([name, bundle]) => [name, splitBundle(bundle)]),
    );
  }
  return split;
}

function splitOutput(output: Output): Record<string, unknown> {
  if (output.output_type === 'stream') return { ...output, text: splitLines(output.text) };
  return 'data' in output ? { ...output, data: splitBundle(output.data) } : { ...output };
}

/** @param depth of the lists and objects around it */
function toJson(value: unknown, depth: number): string {
  // A line that ends in a digit ends in a number: text has quotes around it.
  const text = JSON.stringify(sortKeys(value), null, 1).replace(smallNumber, pythonNumber);
  return depth === 0 ? text : text.replaceAll('\n', `\n${' '.repeat(depth)}`);
}

const smallNumber = /(?<=[ -])(?:0\.0000\d+|\d(?:\.\d+)?e-\d)(?=,?$)/gm;

/** JavaScript writes 0.00001 and 1e-7, Python 1e-05 and 1e-07. */
function pythonNumber(text: string): string {
  return Number(text)
    .toExponential()
    .replace(/e-(\d)$/, 'e-0$1');
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
