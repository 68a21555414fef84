/** The checks that an executed notebook recorded, as numbers, each with the call in the source that made it. */
import { verifyMimeType } from '../../src/workbench/verify/bundle.js';
import { isObject } from '../notebook/format.js';
import { cellRecords } from '../notebook/verifications.js';
import type { AuditedCell, CheckCall } from './cells/cell.js';

export interface RecordedCheck {
  cell: AuditedCell;
  /** Undefined where the call is made elsewhere, in a function that the cell calls. */
  call: CheckCall | undefined;
  kind: string;
  name: string;
  passed: boolean;
  detail: string;
  backend: string | undefined;
  path: string | undefined;
  /** Of a comparison of numbers that have equal shapes. */
  numbers: CheckNumbers | undefined;
  evidence: { actual: string; expected: string; simple: boolean; same: boolean } | undefined;
}

export interface CheckNumbers {
  count: number;
  /** At the element that uses most of what is allowed; NaN where the error is. */
  error: number;
  allowed: number;
  actual: number;
  expected: number;
  maxAbsolute: number;
}

export function recordedChecks(cells: readonly AuditedCell[]): RecordedCheck[] {
  return cells.flatMap((cell) => {
    const records = cellRecords(cell.cell, verifyMimeType);
    const { checks } = cell.analysis;
    const inOrder = records.length === checks.length;
    return records.map((record, n) => {
      const name = String(record.name);
      const named = checks.find((one) => one.name === name && one.kind === callOf(record.kind));
      const same = inOrder && checks[n]!.kind === callOf(record.kind) ? checks[n] : undefined;
      return { cell, call: named ?? same, ...fieldsOf(record, name) };
    });
  });
}

/** Allowed error over error; undefined without an error, or where nothing is allowed. */
export function slackOf({ kind, passed, numbers }: RecordedCheck): number | undefined {
  if (kind !== 'verify' || !passed || !numbers || !(numbers.error > 0)) return undefined;
  return numbers.allowed / numbers.error;
}

/** A comparison that found no error at all. */
export function hasNoError({ kind, numbers }: RecordedCheck): boolean {
  return kind === 'verify' && numbers !== undefined && numbers.count > 0 && numbers.maxAbsolute === 0;
}

function callOf(kind: unknown): string {
  if (kind === 'throws') return 'expectThrows';
  if (kind === 'equal') return 'verifyEqual';
  return kind === 'relation' ? 'verifyRelation' : String(kind);
}

function fieldsOf(record: Record<string, unknown>, name: string): Omit<RecordedCheck, 'cell' | 'call'> {
  const { kind, passed, detail, backend, path, worst, count, maxAbsolute, evidence } = record;
  const text = (value: unknown) => (typeof value === 'string' ? value : undefined);
  const numbers = isObject(worst) && {
    count: number(count),
    error: number(worst.error),
    allowed: number(worst.allowed),
    actual: number(worst.actual),
    expected: number(worst.expected),
    maxAbsolute: number(maxAbsolute),
  };
  return {
    kind: String(kind),
    name,
    passed: passed === true,
    detail: text(detail) ?? '',
    backend: text(backend),
    path: text(path),
    numbers: numbers || undefined,
    evidence: isObject(evidence)
      ? {
          actual: String(evidence.actual),
          expected: String(evidence.expected),
          simple: evidence.simple === true,
          same: evidence.same === true,
        }
      : undefined,
  };
}

/** Numbers that JSON has no literal for stand as text. */
function number(value: unknown): number {
  return typeof value === 'number' || typeof value === 'string' ? Number(value) : Number.NaN;
}
