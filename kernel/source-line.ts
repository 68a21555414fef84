/**
 * A line of source with a mark under part of it, as messages show it: tabs are one column as in `tsc --pretty`,
 * CJK characters and emoji two, and of a very long line only the surroundings of the mark are shown.
 */

const widest = 160;
/** How much of a long line stands before the mark. */
const before = 60;

const wide =
  /\p{Emoji_Presentation}|[\u1100-\u115F\u2E80-\u303E\u3041-\uA4CF\uAC00-\uD7A3\uF900-\uFAFF\uFE30-\uFE6F\uFF00-\uFF60\uFFE0-\uFFE6\u{20000}-\u{3FFFD}]/u;
/** Made when first needed: a start-up snapshot cannot hold one. */
let graphemes: Intl.Segmenter | undefined;

export interface MarkedLine {
  text: string;
  /** Columns before the mark. */
  indent: number;
  /** Columns of the mark, at least one. */
  width: number;
}

/** @param start where the mark begins in the line, in UTF-16 units */
export function markLine(line: string, start: number, length: number): MarkedLine {
  const clean = line.replaceAll(/[\t\u2028\u2029]/g, ' ').trimEnd();
  if (clean.length <= widest) return marked(clean, start, length);
  const from = start < widest - before ? 0 : atCharacter(clean, start - before);
  const to = atCharacter(clean, Math.min(clean.length, from + widest));
  const head = from > 0 ? '…' : '';
  const text = head + clean.slice(from, to) + (to < clean.length ? '…' : '');
  return marked(text, start - from + head.length, length);
}

/** A line without a mark. */
export function shortLine(line: string): string {
  return markLine(line, 0, 0).text;
}

function marked(text: string, start: number, length: number): MarkedLine {
  return {
    text,
    indent: columns(text.slice(0, start)),
    width: Math.max(1, columns(text.slice(start, start + length))),
  };
}

/** The same position, or the next one that does not split a surrogate pair. */
function atCharacter(text: string, position: number): number {
  return /[\uDC00-\uDFFF]/.test(text[position] ?? '') ? position + 1 : position;
}

function columns(text: string): number {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: ASCII is the common case
  if (/^[\x00-\x7F]*$/.test(text)) return text.length;
  graphemes ??= new Intl.Segmenter();
  let count = 0;
  for (const { segment } of graphemes.segment(text)) count += wide.test(segment) ? 2 : 1;
  return count;
}
