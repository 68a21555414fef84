/**
 * One executed check: what is recorded, how it is shown, and the error a failed one throws.
 * The mime type `application/vnd.kernelbook.verify+json` carries the same facts for the runner and the guides.
 */
import { type Displayable, display, type MimeBundle } from '../../display/display.js';
import { formatNumber, formatPercent, jsonNumber } from '../../display/format.js';
import { type Cell, htmlTable, type Table, textTable } from '../../display/html.js';
import type { Comparison } from './compare.js';
import type { Evidence } from './evidence.js';

export const verifyMimeType = 'application/vnd.kernelbook.verify+json';

export type CheckKind = 'verify' | 'refute' | 'throws' | 'equal' | 'relation';

export interface VerificationFacts {
  kind: CheckKind;
  /** The component or claim under test. */
  name: string;
  passed: boolean;
  /** One sentence: why it failed, or what was seen. */
  detail: string;
  comparison?: Comparison;
  /** What tells the two sides apart, where two were compared. */
  evidence?: Evidence;
  /** How the allowed error was derived. */
  formula?: string;
  /** Backend that computed the actual value, where it was a tensor. */
  backend?: string;
  /** Fused kernels that ran, or 'composed'; known when the actual value was given as a function. */
  path?: string;
}

/** Thrown by a failed check. The message names the component and carries the numbers. */
export class VerificationError extends Error {
  override readonly name = 'VerificationError';

  constructor(readonly facts: VerificationFacts) {
    super(message(facts));
  }
}

const collected: Verification[] = [];

/** Every check of this process so far, in order, passed or failed. */
export function verifications(): readonly Verification[] {
  return [...collected];
}

/** Forgets the checks so far. */
export function clearVerifications(): void {
  collected.length = 0;
}

/** Records a check, shows it, and throws when it failed. */
export async function conclude(facts: VerificationFacts): Promise<Verification> {
  const verification = new Verification(facts);
  collected.push(verification);
  await display(verification);
  if (!facts.passed) throw new VerificationError(facts);
  return verification;
}

export class Verification implements Displayable {
  constructor(readonly facts: VerificationFacts) {}

  get passed(): boolean {
    return this.facts.passed;
  }

  toMimeBundle(): MimeBundle {
    const table = toTable(this.facts);
    const border = this.facts.passed ? '#1a8f5a' : '#d64550';
    return {
      'text/plain': textTable(table),
      'text/html': `<div class="kernelbook-verify" style="border-left:4px solid ${border};overflow-x:auto;">${htmlTable(table)}</div>`,
      [verifyMimeType]: toJson(this.facts),
    };
  }
}

const questions: Record<CheckKind, string> = {
  verify: 'verify',
  refute: 'refute (a known mistake)',
  throws: 'must throw',
  equal: 'must be equal',
  relation: 'must hold',
};

function toTable(facts: VerificationFacts): Table {
  const { kind, name, passed, detail, comparison, backend, path } = facts;
  const verdict: Cell = { text: passed ? '✓ pass' : '✗ FAIL', strong: true };
  const subject: Cell = { text: name, strong: true, prose: true, title: detail };
  const where = backend
    ? { head: ['backend'], cells: [path ? `${backend}, ${path}` : backend] }
    : { head: [], cells: [] };
  const measured = comparison?.worst
    ? numbers(comparison, facts)
    : { head: ['result'], cells: [{ text: detail, prose: true }] };
  return {
    head: ['verdict', questions[kind], ...measured.head, ...where.head],
    rows: [[verdict, subject, ...measured.cells, ...where.cells]],
  };
}

/** The columns of a comparison: largest errors, the bound where it is tightest, and how much of it is used. */
function numbers(
  comparison: Comparison,
  { kind, formula }: VerificationFacts,
): { head: string[]; cells: Cell[] } {
  const { worst, count, maxAbsolute, maxRelative, maxUlp } = comparison;
  const { index, error, allowed } = worst!;
  const refuting = kind === 'refute';
  const use =
    allowed === 0
      ? error === 0
        ? '0 %'
        : '∞'
      : refuting
        ? `${formatNumber(error / allowed)} ×`
        : formatPercent(error / allowed);
  return {
    head: [
      'max |error|',
      'relative',
      'ULP',
      refuting ? 'must exceed' : 'bound',
      refuting ? 'exceeded' : 'bound used',
      'at',
      'values',
    ],
    cells: [
      formatNumber(maxAbsolute),
      formatNumber(maxRelative),
      formatNumber(maxUlp),
      { text: formatNumber(allowed), ...(formula && { title: formula }) },
      use,
      showIndex(index),
      String(count),
    ],
  };
}

function showIndex(index: readonly number[]): string {
  return index.length === 0 ? 'the scalar' : `[${index.join(',')}]`;
}

function toJson(facts: VerificationFacts): Record<string, unknown> {
  const { comparison, ...rest } = facts;
  if (!comparison) return rest;
  const { worst, count, outside, maxAbsolute, maxRelative, maxUlp } = comparison;
  return {
    ...rest,
    count,
    outside,
    maxAbsolute: jsonNumber(maxAbsolute),
    maxRelative: jsonNumber(maxRelative),
    maxUlp: jsonNumber(maxUlp),
    worst: worst && {
      index: worst.index,
      actual: jsonNumber(worst.actual),
      expected: jsonNumber(worst.expected),
      error: jsonNumber(worst.error),
      allowed: jsonNumber(worst.allowed),
    },
  };
}

function message({ kind, name, detail, comparison, formula, backend, path }: VerificationFacts): string {
  const parts = [`${kind}(${name}) failed: ${detail}`];
  if (comparison?.worst) {
    const { index, actual, expected, error, allowed } = comparison.worst;
    parts.push(
      `worst at ${showIndex(index)}: actual ${actual}, expected ${expected}, |error| ${formatNumber(error)}, bound ${formatNumber(allowed)}`,
    );
  }
  if (formula) parts.push(`bound: ${formula}`);
  if (backend) parts.push(`backend ${backend}${path ? ` (${path})` : ''}`);
  return parts.join('; ');
}
