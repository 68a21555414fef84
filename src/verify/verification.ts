/**
 * One executed check: what is recorded, how it is shown, and the error a failed one throws.
 * The mime type `application/vnd.kernelbook.verify+json` carries the same facts for the runner and the guides.
 */
import { type Displayable, display, type MimeBundle } from '../display.js';
import { formatNumber, formatPercent, jsonNumber } from '../format.js';
import { htmlTable, type Table, textTable } from '../html.js';
import type { Comparison } from './compare.js';

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

function toTable({
  kind,
  name,
  passed,
  detail,
  comparison,
  formula,
  backend,
  path,
}: VerificationFacts): Table {
  const verdict = passed ? '✓ pass' : '✗ FAIL';
  const where = backend ? [['backend', path ? `${backend}, ${path}` : backend]] : [];
  if (!comparison?.worst) {
    return {
      head: [questions[kind], 'result', ...where.map(([head]) => head!), 'verdict'],
      rows: [
        [
          { text: name, strong: true },
          detail,
          ...where.map(([, cell]) => cell!),
          { text: verdict, strong: true },
        ],
      ],
    };
  }
  const { worst, count, maxAbsolute, maxRelative, maxUlp } = comparison;
  const explained = formula ? { title: formula } : {};
  const sign = kind === 'refute' ? 'must exceed' : 'allowed there';
  return {
    head: [
      questions[kind],
      'max |error|',
      'max relative',
      'max ULP',
      kind === 'refute' ? 'largest at' : 'tightest at',
      '|error| there',
      sign,
      'values',
      ...where.map(([head]) => head!),
      'verdict',
    ],
    rows: [
      [
        { text: name, strong: true, title: detail },
        formatNumber(maxAbsolute),
        formatNumber(maxRelative),
        formatNumber(maxUlp),
        showIndex(worst.index),
        formatNumber(worst.error),
        { text: `${formatNumber(worst.allowed)}${share(worst.error, worst.allowed, kind)}`, ...explained },
        String(count),
        ...where.map(([, cell]) => cell!),
        { text: verdict, strong: true },
      ],
    ],
  };
}

function share(error: number, allowed: number, kind: CheckKind): string {
  return kind === 'verify' && allowed > 0 && error <= allowed
    ? ` (${formatPercent(error / allowed)} used)`
    : '';
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
