/** How a cell's file is called to the reader: `cell 3`, after the execution count it was compiled for. */
import type ts from 'typescript';

const counts = new WeakMap<ts.SourceFile, number>();

export function nameCell(cell: ts.SourceFile, count: number): void {
  counts.set(cell, count);
}

/** Undefined for files that are not cells. */
export function cellName(file: ts.SourceFile): string | undefined {
  const count = counts.get(file);
  return count === undefined ? undefined : `cell ${count}`;
}

export function isCellFile(fileName: string): boolean {
  return /[\\/]__cell_\d+\.ts$/.test(fileName);
}
