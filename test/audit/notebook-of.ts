/** Notebooks for the tests of the audit: cells with what they would have recorded. */

import { analyseTypeScript } from '../../scripts/audit/cells/typescript-cells.js';
import { recordedChecks } from '../../scripts/audit/checks.js';
import type { AuditedNotebook, Rule } from '../../scripts/audit/rules/rule.js';
import type { Cell, CodeCell, MarkdownCell, Notebook } from '../../scripts/notebook/format.js';
import { verifyMimeType } from '../../src/workbench/verify/bundle.js';

export function code(source: string, ...outputs: Record<string, unknown>[]): CodeCell {
  return {
    cell_type: 'code',
    id: `cell-${Math.abs(hash(source))}`,
    metadata: {},
    source,
    execution_count: 1,
    outputs: outputs.map((data) => ({ output_type: 'display_data', data, metadata: {} })),
  };
}

export function prose(source: string): MarkdownCell {
  return { cell_type: 'markdown', id: `prose-${Math.abs(hash(source))}`, metadata: {}, source };
}

function hash(text: string): number {
  return [...text].reduce((sum, character) => (Math.imul(sum, 31) + character.codePointAt(0)!) | 0, 7);
}

/** What `verify` and its like record, as they show it. */
export function recorded(record: Record<string, unknown>): Record<string, unknown> {
  return { [verifyMimeType]: { kind: 'verify', passed: true, detail: '', ...record }, 'text/plain': '…' };
}

/** Of one comparison: the error and what is allowed where it is worst. */
export function compared(
  name: string,
  error: number,
  allowed: number,
  more: Record<string, unknown> = {},
): Record<string, unknown> {
  const worst = { index: [0], actual: 1.2345678 + error, expected: 1.2345678, error, allowed };
  const evidence = { actual: `${name} a`, expected: error === 0 ? `${name} a` : `${name} e`, simple: false };
  return recorded({ name, count: 4, outside: 0, maxAbsolute: error, worst, evidence, ...more });
}

export function notebookOf(...cells: Cell[]): Notebook {
  const kernelspec = { name: 'kernelbook', display_name: 'kernelbook', language: 'typescript' };
  return { nbformat: 4, nbformat_minor: 5, metadata: { kernelspec }, cells };
}

export function auditedOf(...cells: Cell[]): AuditedNotebook {
  const notebook = notebookOf(...cells);
  const own = cells.flatMap((cell, index) =>
    cell.cell_type === 'code' ? [{ number: index + 1, id: cell.id, cell }] : [],
  );
  const analyses = analyseTypeScript(own.map(({ cell }) => cell.source));
  const audited = own.map((one, n) => ({ ...one, analysis: analyses[n]! }));
  return { name: 'test.ipynb', notebook, cells: audited, checks: recordedChecks(audited) };
}

/** The findings of a rule as `cell: rule: message`. */
export function said(rule: Rule, ...cells: Cell[]): string[] {
  return rule(auditedOf(...cells)).map(
    ({ rule: name, cell, message }) => `${cell.number}: ${name}: ${message}`,
  );
}
