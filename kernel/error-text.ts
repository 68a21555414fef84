/**
 * The form of all errors under a cell, those of the check and those of running code: what is wrong, where, the lines around it. No
 * colour of the terminal is legible on both the light and the dark red of JupyterLab's errors, and inverse text gets a
 * scroll bar there: what stands out is bold.
 */
import { markLine, shortLine } from './source-line.js';

export const bold = (text: string) => `\u001b[1m${text}\u001b[22m`;

const linesAround = 2;

/** What to mark; the first line and column are 1. */
export interface Marked {
  line: number;
  column: number;
  /** Within the line. */
  length: number;
}

/** The source around a line, with a mark under part of it. */
export function excerpt(source: string, { line, column, length }: Marked, around = linesAround): string[] {
  const all = source.split(/\r\n|[\n\r\u2028\u2029]/);
  const first = Math.max(1, line - around);
  const last = Math.min(all.length, line + around);
  const width = String(last).length;
  const lines: string[] = [];
  for (let number = first; number <= last; number++) {
    const gutter = `${String(number).padStart(width)} | `;
    const content = all[number - 1]!;
    if (number !== line) {
      lines.push(`  ${gutter}${shortLine(content)}`.trimEnd());
      continue;
    }
    const { text, indent, width: marked } = markLine(content, column - 1, length);
    lines.push(
      `${bold('>')} ${gutter}${text}`,
      `  ${' '.repeat(width)} | ${' '.repeat(indent)}${bold('^'.repeat(marked))}`,
    );
  }
  return lines;
}
