/** What a check found, in the few words of its line. */
import { formatNumber } from '../../display/format.js';
import type { Comparison, Worst } from './compare.js';
import { showIndex, type VerificationFacts } from './facts.js';

export interface Outcome {
  /** Written "English / 中文", or empty. */
  label: string;
  value: string;
}

/** A longer text is cut in the line and whole in the details. */
export const longestInLine = 160;

export function outcomeOf(facts: VerificationFacts): Outcome {
  const { kind, passed, detail, comparison } = facts;
  if (comparison?.worst) return compared(facts, comparison, comparison.worst);
  if (!passed || kind === 'verify' || kind === 'refute' || kind === 'relation')
    return { label: '', value: short(detail) };
  return kind === 'equal'
    ? { label: '', value: short(`= ${detail}`) }
    : { label: 'throws / 抛出', value: short(detail) };
}

function compared({ kind, passed }: VerificationFacts, { maxAbsolute }: Comparison, worst: Worst): Outcome {
  const { error, allowed, index, actual, expected } = worst;
  if (kind === 'verify' && passed && maxAbsolute === 0 && allowed === 0)
    return { label: 'equal to the bit / 逐位相等', value: '' };
  const numbers = relation(error, allowed);
  if (kind === 'refute') return { label: 'differs by / 相差', value: numbers };
  const where = passed ? '' : ` at ${showIndex(index)}: ${actual}, expected ${expected}`;
  return { label: 'error / 误差', value: numbers + where };
}

/** Two digits, and more where these would hide which one is larger. */
function relation(error: number, allowed: number): string {
  if (Number.isNaN(error)) return 'NaN';
  const sign = error <= allowed ? '≤' : '>';
  const digits = [2, 3, 4, 6].find((n) => shown(error, n) !== shown(allowed, n)) ?? 2;
  return `${shown(error, digits)} ${sign} ${shown(allowed, digits)}`;
}

/** 1e-12, not 1.0e-12. */
function shown(value: number, digits: number): string {
  return formatNumber(value, digits).replace(/\.?0+(?=e)/, '');
}

function short(text: string): string {
  return text.length > longestInLine ? `${text.slice(0, longestInLine - 1)}…` : text;
}
