/** Findings as workflow commands of GitHub Actions, which shows them at their line of the notebook's file. */
import { relative, sep } from 'node:path';
import { fileRanges } from './file-position.js';
import type { CheckedNotebook } from './finding.js';

/** One line each: `::error file=…,line=…::message`. Paths are from the working folder, which is the checkout. */
export async function annotations(notebooks: readonly CheckedNotebook[]): Promise<string[]> {
  const lines: string[] = [];
  for (const notebook of notebooks) {
    const ranges = await fileRanges(notebook);
    for (const [index, { severity, code, message, cell }] of notebook.findings.entries()) {
      const { path, line, column, endLine, endColumn } = ranges[index]!;
      const properties = {
        file: relative(process.cwd(), path).split(sep).join('/'),
        line,
        // Columns are shown only within one line.
        ...(line === endLine ? { col: column, endColumn } : { endLine }),
        title: `${code} in cell ${cell.number} "${cell.id}"`,
      };
      const list = Object.entries(properties).map(
        ([name, value]) => `${name}=${escapeProperty(String(value))}`,
      );
      lines.push(`::${severity} ${list.join(',')}::${escapeData(message)}`);
    }
  }
  return lines;
}

function escapeData(text: string): string {
  return text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A');
}

function escapeProperty(text: string): string {
  return escapeData(text).replaceAll(':', '%3A').replaceAll(',', '%2C');
}
