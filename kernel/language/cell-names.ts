/** How a cell's file is called to the reader: `cell 3`, after the execution count it was compiled for, or as it was checked. */
import type ts from 'typescript';

const names = new WeakMap<ts.SourceFile, string>();

/** @param name the whole name, or the execution count */
export function nameCell(cell: ts.SourceFile, name: string | number): void {
  names.set(cell, typeof name === 'number' ? `cell ${name}` : name);
}

/** Undefined for files that are not cells. */
export function cellName(file: ts.SourceFile): string | undefined {
  return names.get(file);
}

export function isCellFile(fileName: string): boolean {
  return /[\\/]__cell_\d+\.ts$/.test(fileName);
}
