/** The figures of an audit: what a build may hold. */
import { hasNoError, type RecordedCheck, slackOf } from './checks.js';
import type { AuditFinding, RuleName } from './rules/rule.js';
import { type Fate, survives, type TriedMutant } from './session/try-mutants.js';

export interface Figures {
  checks: number;
  /** Comparisons within a bound that found an error. */
  compared: number;
  /** Allowed error over error; NaN where nothing was compared. */
  medianSlack: number;
  maxSlack: number;
  /** How many have more than a hundred and a thousand times the error. */
  above100: number;
  above1000: number;
  zeroErrors: number;
  findings: Partial<Record<RuleName, number>>;
  mutants: number;
  fates: Partial<Record<Fate, number>>;
  survivors: number;
}

export function figuresOf(
  checks: readonly RecordedCheck[],
  findings: readonly AuditFinding[],
  mutants: readonly TriedMutant[],
): Figures {
  const slacks = checks.flatMap((check) => slackOf(check) ?? []).sort((a, b) => a - b);
  return {
    checks: checks.length,
    compared: slacks.length,
    medianSlack: median(slacks),
    maxSlack: slacks.at(-1) ?? Number.NaN,
    above100: slacks.filter((one) => one > 100).length,
    above1000: slacks.filter((one) => one > 1000).length,
    zeroErrors: checks.filter(hasNoError).length,
    findings: counted(findings.map(({ rule }) => rule)),
    mutants: mutants.length,
    fates: counted(mutants.map(({ fate }) => fate)),
    survivors: mutants.filter(survives).length,
  };
}

function median(sorted: readonly number[]): number {
  const middle = sorted.length / 2;
  if (sorted.length === 0) return Number.NaN;
  return Number.isInteger(middle) ? (sorted[middle - 1]! + sorted[middle]!) / 2 : sorted[Math.floor(middle)]!;
}

function counted<T extends string>(list: readonly T[]): Partial<Record<T, number>> {
  const counts: Partial<Record<T, number>> = {};
  for (const one of list) counts[one] = (counts[one] ?? 0) + 1;
  return counts;
}
