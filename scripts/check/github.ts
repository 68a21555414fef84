/** Findings as workflow commands of GitHub Actions, which shows them at their line of the notebook's file. */
import { annotationLine } from '../reports/github.js';
import { fileRanges } from './file-position.js';
import type { CheckedNotebook } from './finding.js';

/** One line each: `::error file=…,line=…::message`. */
export async function annotations(notebooks: readonly CheckedNotebook[]): Promise<string[]> {
  const lines: string[] = [];
  for (const notebook of notebooks) {
    const ranges = await fileRanges(notebook);
    for (const [index, { severity, code, message, cell }] of notebook.findings.entries()) {
      const { path, line, column, endLine, endColumn } = ranges[index]!;
      const annotation = {
        level: severity,
        file: path,
        // Columns are shown only within one line.
        place: { line, ...(line === endLine ? { col: column, endColumn } : { endLine }) },
        title: `${code} in cell ${cell.number} "${cell.id}"`,
        message,
      };
      lines.push(annotationLine(annotation));
    }
  }
  return lines;
}
