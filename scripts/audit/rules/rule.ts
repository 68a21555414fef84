/** What a rule of the audit sees of a notebook, and what it says. */
import type { Notebook } from '../../notebook/format.js';
import type { AuditedCell } from '../cells/cell.js';
import type { RecordedCheck } from '../checks.js';

export interface AuditedNotebook {
  /** What messages call it. */
  name: string;
  notebook: Notebook;
  /** Its code cells. */
  cells: readonly AuditedCell[];
  checks: readonly RecordedCheck[];
}

export const ruleTexts = {
  'loose-bound': 'A bound far above the error',
  'zero-error': 'Numbers that need rounding agree without any error',
  'same-value': 'A value is compared with itself',
  'equal-paths': 'A path is compared with itself',
  'typed-constant': 'A typed constant equals what the notebook gives itself',
  'refuted-right': 'The right value of a refute is refuted too',
  'own-error': 'The error that must be thrown is thrown by the notebook itself',
  'undeclared-name': 'The error that must be thrown is that of any misspelt name',
  'unchecked-claim': 'Prose claims what no check shows',
  'unchecked-cell': 'A cell whose work no check depends on',
  survivor: 'A mutant that every check lets live',
} as const;

export type RuleName = keyof typeof ruleTexts;

export interface AuditFinding {
  rule: RuleName;
  message: string;
  /** Of the cell: number and id, and where in its source. */
  cell: { number: number; id: string };
  start: number;
  end: number;
}

export type Rule = (notebook: AuditedNotebook) => AuditFinding[];

/** A finding at the call that made a check, or at the whole first line of its cell. */
export function atCheck(check: RecordedCheck, rule: RuleName, message: string): AuditFinding {
  const { cell, call } = check;
  const place = call ? { start: call.start, end: call.end } : firstLine(cell.cell.source);
  return { rule, message: `${check.kind} "${check.name}": ${message}`, cell: placeOf(cell), ...place };
}

export function placeOf({ number, id }: { number: number; id: string }): AuditFinding['cell'] {
  return { number, id };
}

export function firstLine(source: string): { start: number; end: number } {
  return { start: 0, end: source.split('\n')[0]!.length };
}
