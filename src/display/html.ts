/**
 * The few pieces of HTML our outputs are made of. Everything that came from a user goes through `escapeHtml`;
 * the tables carry no script and read the colours of the page they stand in.
 */

import { splitWords } from './words.js';

const entities: Record<string, string> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Text made safe for element content and for quoted attributes. */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => entities[character]!);
}

/** Escaped text; of one that is written "English / 中文", both halves with their language. */
export function wordsHtml(text: string): string {
  const words = splitWords(text);
  return words
    ? `<span lang="en">${escapeHtml(words.en)}</span> <span lang="zh">${escapeHtml(words.zh)}</span>`
    : escapeHtml(text);
}

/**
 * One table cell: a plain string kept on one line, or text that may wrap (`prose`), explain itself on hover, or name
 * its row (`header`).
 */
export type Cell =
  | string
  | { text: string; title?: string; strong?: boolean; prose?: boolean; header?: boolean };

export interface Table {
  caption?: string;
  head: readonly string[];
  rows: readonly (readonly Cell[])[];
  /** Of each column; left where not given. */
  align?: readonly ('left' | 'right')[];
  /** A last line across all columns. */
  foot?: string;
}

const cellStyle = (align = 'left') => `padding:0.15em 0.6em;text-align:${align};vertical-align:top;`;
const oneLine = 'white-space:nowrap;';
const faint = 'font-weight:500;opacity:0.75;';

/** An HTML table of escaped text. */
export function htmlTable({ caption, head, rows, align = [], foot }: Table): string {
  const headCells = head
    .map(
      (text, column) =>
        `<th scope="col" style="${cellStyle(align[column])}${oneLine}${faint}">${wordsHtml(text)}</th>`,
    )
    .join('');
  const bodyRows = rows
    .map((row) => `<tr>${row.map((cell, column) => htmlCell(cell, align[column])).join('')}</tr>`)
    .join('');
  const footRow =
    foot === undefined
      ? ''
      : `<tr><td colspan="${head.length}" style="${cellStyle()}${oneLine}">${wordsHtml(foot)}</td></tr>`;
  const captionRow = caption
    ? `<caption style="text-align:left;font-weight:600;padding:0.15em 0.6em;">${wordsHtml(caption)}</caption>`
    : '';
  return `<table style="border-collapse:collapse;font-size:0.93em;font-variant-numeric:tabular-nums;">${captionRow}<thead><tr>${headCells}</tr></thead><tbody>${bodyRows}${footRow}</tbody></table>`;
}

function htmlCell(cell: Cell, align?: 'left' | 'right'): string {
  const { text, title, strong, prose, header }: Exclude<Cell, string> =
    typeof cell === 'string' ? { text: cell } : cell;
  const attribute = title ? ` title="${escapeHtml(title)}"` : '';
  if (header)
    return `<th scope="row" style="${cellStyle(align)}${oneLine}${faint}"${attribute}>${wordsHtml(text)}</th>`;
  const style = `${cellStyle(align)}${prose ? '' : oneLine}${strong ? 'font-weight:600;' : ''}`;
  return `<td style="${style}"${attribute}>${wordsHtml(text)}</td>`;
}

/** The same table for a terminal. */
export function textTable({ caption, head, rows }: Table): string {
  const body = textColumns([
    head,
    ...rows.map((row) => row.map((cell) => (typeof cell === 'string' ? cell : cell.text))),
  ]);
  return caption ? `${caption}\n${body}` : body;
}

/** Lines of columns padded with spaces, a wide (CJK) character counted as two. */
export function textColumns(lines: readonly (readonly string[])[]): string {
  const count = Math.max(0, ...lines.map((line) => line.length));
  const widths = Array.from({ length: count }, (_, column) =>
    Math.max(...lines.map((line) => columns(line[column] ?? ''))),
  );
  return lines
    .map((line) =>
      line
        .map((cell, column) => cell + ' '.repeat(widths[column]! - columns(cell)))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

const wide =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\u3000-\u303f\uff01-\uff60]/u;

/** Whether a character takes the place of two, as Chinese ones do. */
export function isWide(character: string): boolean {
  return wide.test(character);
}

function columns(text: string): number {
  return [...text].reduce((total, character) => total + (isWide(character) ? 2 : 1), 0);
}
