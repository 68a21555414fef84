/** The checks an executed notebook made, read back from the mime type that `verify` shows them under. */
import { type Cell, isObject, type Notebook } from './format.js';

const mime = 'application/vnd.kernelbook.verify+json';

export interface VerificationRecord {
  name: string;
  passed: boolean;
}

export function cellVerifications(cell: Cell): VerificationRecord[] {
  if (cell.cell_type !== 'code') return [];
  // A check that is also the value of the cell is shown twice; it was made once.
  const seen = new Set<string>();
  return cell.outputs.flatMap((output) => {
    const facts = 'data' in output ? output.data[mime] : undefined;
    if (!isObject(facts) || typeof facts.name !== 'string' || typeof facts.passed !== 'boolean') return [];
    const key = JSON.stringify(facts);
    if (seen.has(key)) return [];
    seen.add(key);
    return [{ name: facts.name, passed: facts.passed }];
  });
}

export function notebookVerifications(notebook: Notebook): VerificationRecord[] {
  return notebook.cells.flatMap(cellVerifications);
}
