/** Bounds that would let a wrong result pass, and comparisons without any error. */
import { formatNumber } from '../../../src/display/format.js';
import { hasNoError, slackOf } from '../checks.js';
import { atCheck, type Rule } from './rule.js';

/** @param most what a bound may be of the error without being told */
export const looseBounds =
  (most: number): Rule =>
  ({ checks }) =>
    checks.flatMap((check) => {
      const slack = slackOf(check);
      if (slack === undefined || slack <= most) return [];
      const { error, allowed } = check.numbers!;
      const numbers = `an error of ${formatNumber(error)} against an allowed ${formatNumber(allowed)}`;
      return [atCheck(check, 'loose-bound', `${numbers}, ${formatNumber(slack)} times as much`)];
    });

/** Counts and small fractions may agree exactly; what needs rounding does so only when it is computed alike. */
export const zeroErrors: Rule = ({ checks }) =>
  checks.flatMap((check) => {
    if (!hasNoError(check) || isSimple(check)) return [];
    const { count } = check.numbers!;
    const alike = 'both sides were computed alike, or one is a copy of the other';
    return [
      atCheck(check, 'zero-error', `an error of exactly 0 over ${count} values that need rounding: ${alike}`),
    ];
  });

function isSimple({ evidence, numbers }: Parameters<typeof hasNoError>[0]): boolean {
  return evidence?.simple ?? Number.isInteger((numbers?.expected ?? 0) * 1024);
}
