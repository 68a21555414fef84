/** What a notebook and its cells may take, and what they took. Exceeding a budget fails the notebook, though it ran to its end. */
import { isObject, type Notebook } from '../notebook/format.js';
import { formatBytes } from '../run/bytes.js';
import { type Budgets, budgetsOf } from './settings.js';

export interface BudgetResult {
  budget: 'max-seconds' | 'max-memory';
  /** Absent for the whole notebook. */
  cell?: { number: number; id: string; executionCount: number | null };
  /** Seconds or bytes; undefined where the system does not tell. */
  measured: number | undefined;
  allowed: number;
  exceeded: boolean;
}

export interface Measured {
  seconds: number;
  /** Largest resident size of the kernel in bytes. */
  peakMemory: number | undefined;
  /** The same at the end of each code cell, by cell id. */
  cellPeaks: ReadonlyMap<string, number>;
}

/** Every budget there is. `given` are those of the command line, which go before those of the notebook. */
export function checkBudgets(notebook: Notebook, measured: Measured, given: Budgets): BudgetResult[] {
  const results = check(
    { ...budgetsOf(notebook.metadata, 'the notebook'), ...given },
    measured.seconds,
    measured.peakMemory,
  );
  for (const [index, cell] of notebook.cells.entries()) {
    const budgets = budgetsOf(cell.metadata, `cell "${cell.id}"`);
    if (cell.cell_type !== 'code') continue;
    const record = isObject(cell.metadata.papermill) ? cell.metadata.papermill : {};
    if (record.status !== 'completed' && record.status !== 'failed') continue;
    const seconds = typeof record.duration === 'number' ? record.duration : undefined;
    const place = { number: index + 1, id: cell.id, executionCount: cell.execution_count };
    for (const one of check(budgets, seconds, measured.cellPeaks.get(cell.id)))
      results.push({ ...one, cell: place });
  }
  return results;
}

export function describeBudget({ budget, measured, allowed, exceeded }: BudgetResult): string {
  const show = budget === 'max-seconds' ? showSeconds : formatBytes;
  if (measured === undefined) return `${budget}: not measured on this system, budget ${show(allowed)}`;
  return `${budget}: ${show(measured)}, ${exceeded ? 'over' : 'within'} the budget of ${show(allowed)}`;
}

function check(budgets: Budgets, seconds: number | undefined, memory: number | undefined): BudgetResult[] {
  const { maxSeconds, maxMemory } = budgets;
  return [
    ...(maxSeconds === undefined ? [] : [result('max-seconds', seconds, maxSeconds)]),
    ...(maxMemory === undefined ? [] : [result('max-memory', memory, maxMemory)]),
  ];
}

function result(budget: BudgetResult['budget'], measured: number | undefined, allowed: number): BudgetResult {
  return { budget, measured, allowed, exceeded: measured !== undefined && measured > allowed };
}

const showSeconds = (seconds: number): string => `${Number(seconds.toPrecision(3))} s`;
