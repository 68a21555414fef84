/** What stands in the fold of a check: each line only where it says something of this check. */
import { formatNumber, formatPercent } from '../../display/format.js';
import type { Comparison, Worst } from './compare.js';
import { showIndex, type VerificationFacts } from './facts.js';
import { longestInLine } from './outcome.js';

export interface Detail {
  /** Written "English / 中文". */
  label: string;
  value: string;
}

export function details(facts: VerificationFacts): Detail[] {
  const { detail, comparison, backend, path } = facts;
  const rows: Detail[] = comparison?.worst
    ? comparisonDetails(facts, comparison, comparison.worst)
    : detail.length > longestInLine
      ? [{ label: 'in full / 全文', value: detail }]
      : [];
  if (backend) rows.push({ label: 'computed on / 计算于', value: path ? `${backend}, ${path}` : backend });
  return rows;
}

function comparisonDetails(facts: VerificationFacts, comparison: Comparison, worst: Worst): Detail[] {
  const { kind, formula, dtype } = facts;
  const { count, outside, maxRelative, maxUlp } = comparison;
  const { index, actual, expected, error, allowed } = worst;
  const rows: Detail[] = [];
  const add = (label: string, value: string) => rows.push({ label, value });
  const refuting = kind === 'refute';
  if (formula && allowed > 0) add(refuting ? 'must exceed / 须超过' : 'bound / 上界', formula);
  if (allowed > 0 && Number.isFinite(error)) {
    const use = error / allowed;
    if (refuting || use > 1) add('times the bound / 上界的倍数', `${formatNumber(use)} ×`);
    else if (error > 0) add('of the bound / 占上界', formatPercent(use));
  }
  if (count > 1) add('values / 数值个数', String(count));
  if (outside > 0) add('outside / 超出者', `${outside} of ${count}`);
  if (error > 0 || Number.isNaN(error)) {
    const place = index.length === 0 ? '' : `${showIndex(index)}: `;
    add('worst / 最差处', `${place}${actual}, expected ${expected}`);
    // A relative error next to zero, and units in the last place of another number format, say nothing.
    if (expected !== 0 && Number.isFinite(maxRelative)) add('relative / 相对', formatNumber(maxRelative, 2));
    if (dtype === 'float32' && Number.isFinite(maxUlp)) add('in ULP / 以 ULP 计', formatNumber(maxUlp, 2));
  }
  return rows;
}
