/** The checks an executed notebook made, read back from the mime type that `verify` shows them under. */
import { verifyMimeType } from '../../src/workbench/verify/bundle.js';
import { type Cell, isObject, type Notebook } from './format.js';

export interface VerificationRecord {
  name: string;
  passed: boolean;
}

/**
 * The JSON a cell shows under a mime type, each once: what is also the value of the cell is shown twice. One output may
 * hold a list of them.
 */
export function cellRecords(cell: Cell, mime: string): Record<string, unknown>[] {
  if (cell.cell_type !== 'code') return [];
  const seen = new Set<string>();
  return cell.outputs.flatMap((output) => {
    const shown = 'data' in output ? output.data[mime] : undefined;
    return (Array.isArray(shown) ? shown : [shown]).filter((facts): facts is Record<string, unknown> => {
      const key = JSON.stringify(facts);
      if (!isObject(facts) || seen.has(key)) return false;
      seen.add(key);
      return true;
    });
  });
}

export function cellVerifications(cell: Cell): VerificationRecord[] {
  return cellRecords(cell, verifyMimeType).flatMap(({ name, passed }) =>
    typeof name === 'string' && typeof passed === 'boolean' ? [{ name, passed }] : [],
  );
}

export function notebookVerifications(notebook: Notebook): VerificationRecord[] {
  return notebook.cells.flatMap(cellVerifications);
}
