/**
 * The lines below a marker: code as it is, Markdown and raw text as comments. What lines cannot say (a source that ends
 * in line breaks, holds foreign ones, or has lines that look like markers) is told in the marker under `ipynb`.
 */
import { comment, uncomment } from './header.js';
import { isMarker } from './marker.js';

/** How the lines of a cell become its source. */
export interface BodyNotes {
  /** Lines that look like markers carry one level of escape. */
  escaped?: true;
  /** What follows the lines in the source. */
  end?: string;
  /** The exact source, as long as the lines are what the writer makes of it. */
  source?: string;
}

export interface BodyForm {
  /** Every line is a comment: Markdown, raw text, and code that the text form keeps inactive. */
  commented: boolean;
  /** Lines such as `%time` are commented out, for the text to stay TypeScript. */
  commentMagics: boolean;
}

// A magic, commented or not; "escape" and "noescape" at its end decide otherwise, as in jupytext.
const magic = /^\s*(?:\/\/ |\/\/)*%{1,3}[a-zA-Z]/;
const isMagic = (line: string) =>
  magic.test(line) && (/\/\/\s*escape/.test(line) || !/\/\/\s*noescape/.test(line));

/** Where Python's `splitlines` and TypeScript would end a line and we do not, and halves of characters. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const foreign = /[\r\v\f\x1c-\x1e\x85\u2028\u2029\p{Surrogate}]/u;
// biome-ignore lint/suspicious/noControlCharactersInRegex: likewise
const foreignEnds = /\r\n|[\r\v\f\x1c-\x1e\x85\u2028\u2029]/g;

/** @param blanks how many blank lines follow: 1 between cells, 0 at the end of the text */
export function formatBody(
  source: string,
  form: BodyForm,
  blanks: number,
): { lines: string[]; notes: BodyNotes } {
  if (foreign.test(source)) return { lines: visibleLines(source, form), notes: { source } };
  const notes: BodyNotes = {};
  let plain = splitBody(source, form);
  if (
    !form.commented &&
    bodyEnd(['// %%', ...plain, ...Array<string>(blanks).fill('')]) !== plain.length + 1
  ) {
    const text = source.replace(/(?:(?:^|\n)[^\S\n]*)+$/, '');
    plain = splitBody(text, form);
    notes.end = source.slice(text.length);
  }
  const lines = plain.map((line) => renderLine(line, form));
  if (nextMarker(lines, 0, form.commented) === lines.length) return { lines, notes };
  const escaped = plain.map((line) => renderLine(escapeLine(line, form), form));
  return { lines: escaped, notes: { ...notes, escaped: true } };
}

export function parseBody(lines: string[], form: BodyForm, notes: BodyNotes): string {
  const plain = lines.map((line) => parseLine(line, form));
  const text = (notes.escaped ? plain.map((line) => unescapeLine(line, form)) : plain).join('\n');
  if (notes.source !== undefined) {
    return visibleLines(notes.source, form).join('\n') === lines.join('\n') ? notes.source : text;
  }
  return text + (notes.end ?? '');
}

/**
 * How many of the lines from a marker up to the next one belong to the cell: one blank line at the end parts it from
 * the next, or two where a third does not stand above them. Jupytext's rule, with PEP 8 behind it.
 */
export function bodyEnd(lines: string[]): number {
  const blank = (line: string | undefined) => line !== undefined && line.trim() === '';
  const last = lines.length - 1;
  if (last >= 2 && !blank(lines[last - 2]) && blank(lines[last - 1]) && blank(lines[last])) return last - 1;
  return lines[last] === '' ? last : last + 1;
}

const fence = /^ {0,3}(`{3,}|~{3,})(.*)$/;

/**
 * The next marker from line `from` on, or the number of lines. In Markdown, a fenced block may hold lines that look
 * like markers; its end is looked for in the same run of comments.
 */
export function nextMarker(lines: string[], from: number, markdown: boolean): number {
  for (let index = from; index < lines.length; index++) {
    if (isMarker(lines[index]!)) return index;
    if (markdown) index = fenceEnd(lines, index) ?? index;
  }
  return lines.length;
}

function fenceEnd(lines: string[], start: number): number | undefined {
  const [, open, info = ''] = fence.exec(uncomment(lines[start]!)) ?? [];
  if (open === undefined || (open.startsWith('`') && info.includes('`'))) return undefined;
  for (let index = start + 1; lines[index]?.startsWith('//'); index++) {
    const [, close = '', rest = ''] = fence.exec(uncomment(lines[index]!)) ?? [];
    if (close.startsWith(open) && rest.trim() === '') return index;
  }
  return undefined;
}

function splitBody(text: string, { commented }: BodyForm): string[] {
  return text === '' && !commented ? [] : text.split('\n');
}

function renderLine(line: string, { commented, commentMagics }: BodyForm): string {
  if (commented) return comment(line);
  return commentMagics && isMagic(line) ? line.replace(/^\s*/, '$&// ') : line;
}

function parseLine(line: string, { commented, commentMagics }: BodyForm): string {
  if (commented) return uncomment(line);
  return commentMagics && isMagic(line) ? line.replace(/^(\s*)\/\/ ?/, '$1') : line;
}

/** Markdown has backslashes for this; code gets a second comment sign. */
function escapeLine(line: string, { commented }: BodyForm): string {
  if (commented)
    return isMarker(comment(line.replace(/^(\s*)\\+/, '$1'))) ? line.replace(/^\s*/, '$&\\') : line;
  return isMarker(line.replace(/^(\s*)(?:\/\/ )+(?=\/\/)/, '$1')) ? line.replace(/^\s*/, '$&// ') : line;
}

function unescapeLine(line: string, { commented }: BodyForm): string {
  if (commented) {
    return isMarker(comment(line.replace(/^(\s*)\\+/, '$1'))) ? line.replace(/^(\s*)\\/, '$1') : line;
  }
  return isMarker(line.replace(/^(\s*)(?:\/\/ )+(?=\/\/)/, '$1')) ? line.replace(/^(\s*)\/\/ /, '$1') : line;
}

/** A source that lines cannot hold, as near as they come to it. */
function visibleLines(source: string, form: BodyForm): string[] {
  const text = source
    .replace(/\p{Surrogate}/gu, '\ufffd')
    .replace(foreignEnds, '\n')
    .replace(/\s+$/, '');
  return splitBody(text, form).map((line) => renderLine(escapeLine(line, form), form));
}
