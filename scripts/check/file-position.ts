/** Where findings stand in the files, so that a report can point there. */
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { CellPlaces } from '../notebook/cell-places.js';
import type { CheckedNotebook, Finding } from './finding.js';

export interface FileRange {
  path: string;
  /** From 1; columns count UTF-16 units. */
  line: number;
  column: number;
  endLine: number;
  endColumn: number;
}

/** The places of a notebook's findings, in their order. */
export async function fileRanges({ path, findings }: CheckedNotebook): Promise<FileRange[]> {
  if (findings.length === 0) return [];
  const places = new CellPlaces(await readFile(path, 'utf8'));
  return findings.map((finding): FileRange => {
    if (finding.file !== undefined) return inOtherFile(join(dirname(path), finding.file), finding);
    const { line, column } = places.at(finding.cell, finding.start);
    const end = places.at(finding.cell, finding.start + finding.length);
    return { path, line, column, endLine: end.line, endColumn: end.column };
  });
}

function inOtherFile(path: string, { line, column, length }: Finding): FileRange {
  return { path, line, column, endLine: line, endColumn: column + length };
}
