/** A notebook that ran against its golden file: what differs, or with `--update` what the file is to hold from now on. */
import { type CodeCell, hasTag, isObject, type Notebook } from '../notebook/format.js';
import { compareOutputs } from './compare.js';
import type { Difference } from './difference.js';
import { cellFacts } from './facts.js';
import type { GoldenCell } from './golden-file.js';
import { goldenSettings } from './settings.js';

export interface CellDifferences {
  /** Its place among all cells, from 1; undefined where only the golden file knows it. */
  number: number | undefined;
  id: string;
  executionCount: number | null;
  /** The first of them, and how many there are. */
  differences: Difference[];
  count: number;
}

export interface GoldenComparison {
  /** How many cells were compared. */
  compared: number;
  /** Those that differ, in order. */
  cells: CellDifferences[];
}

/** Compares the cells that ran. Of one that failed, what it showed before counts, but nothing is missing. */
export function compareGolden(notebook: Notebook, golden: readonly GoldenCell[]): GoldenComparison {
  const known = new Map(golden.map(({ cell, outputs }) => [cell, outputs]));
  const result: GoldenComparison = { compared: 0, cells: [] };
  for (const { cell, number, settings } of kept(notebook)) {
    const expected = known.get(cell.id);
    known.delete(cell.id);
    const status = statusOf(cell);
    if (status !== 'completed' && status !== 'failed') continue;
    const complete = status === 'completed';
    const facts = cellFacts(complete ? cell : withoutError(cell), settings);
    result.compared++;
    const { found, count } = compareOutputs(expected ?? [], facts, settings, complete);
    if (count > 0)
      result.cells.push({
        number,
        id: cell.id,
        executionCount: cell.execution_count,
        differences: found,
        count,
      });
  }
  for (const cell of notebook.cells) known.delete(cell.id); // those that are to be skipped now
  for (const id of known.keys()) {
    const gone = {
      place: 'the cell',
      actual: 'not in the notebook',
      golden: 'its outputs (--update drops them)',
    };
    result.cells.push({ number: undefined, id, executionCount: null, differences: [gone], count: 1 });
  }
  return result;
}

export interface GoldenUpdate {
  cells: GoldenCell[];
  /** Ids of the cells whose golden outputs are other than before. */
  changed: string[];
  added: string[];
  removed: string[];
}

/**
 * The golden cells after a run that passed. What agrees within its tolerance stays as it was, so that a review shows
 * only what changed.
 */
export function updateGolden(notebook: Notebook, before: readonly GoldenCell[]): GoldenUpdate {
  const known = new Map(before.map(({ cell, outputs }) => [cell, outputs]));
  const result: GoldenUpdate = { cells: [], changed: [], added: [], removed: [] };
  for (const { cell, settings } of kept(notebook)) {
    const old = known.get(cell.id);
    if (statusOf(cell) !== 'completed') {
      // It was left out on this machine: what another one gave stays.
      if (old) result.cells.push({ cell: cell.id, outputs: old });
      known.delete(cell.id);
      continue;
    }
    const facts = cellFacts(cell, settings);
    if (facts.length === 0) continue;
    known.delete(cell.id);
    const same = old !== undefined && compareOutputs(old, facts, settings).count === 0;
    result.cells.push({ cell: cell.id, outputs: same ? old : facts });
    if (!old) result.added.push(cell.id);
    else if (!same) result.changed.push(cell.id);
  }
  result.removed = [...known.keys()];
  return result;
}

/** The code cells whose outputs are kept, with their settings. */
function* kept(notebook: Notebook) {
  for (const [index, cell] of notebook.cells.entries()) {
    if (cell.cell_type !== 'code' || hasTag(cell, 'injected-parameters')) continue;
    const settings = goldenSettings(notebook, cell);
    if (!settings.skip) yield { cell, number: index + 1, settings };
  }
}

function statusOf({ metadata }: CodeCell): unknown {
  return isObject(metadata.papermill) ? metadata.papermill.status : undefined;
}

function withoutError(cell: CodeCell): CodeCell {
  return { ...cell, outputs: cell.outputs.filter(({ output_type }) => output_type !== 'error') };
}
