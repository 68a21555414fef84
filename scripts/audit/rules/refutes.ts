/** Refutes that refute the right value too, and expected errors that anything would throw. */
import { formatNumber } from '../../../src/display/format.js';
import type { RecordedCheck } from '../checks.js';
import { type AuditFinding, atCheck, type Rule } from './rule.js';

/** Unit roundoff of float32. */
const roundoff = 2 ** -24;

export const refutedRights: Rule = ({ checks }) => {
  const refutes = checks.filter(({ kind, passed }) => kind === 'refute' && passed);
  return refutes.flatMap((refute): AuditFinding[] => {
    const said =
      rightIsWrongElsewhere(refute, refutes) ?? rightIsOff(refute, checks) ?? rightIsRounded(refute);
    return said === undefined ? [] : [atCheck(refute, 'refuted-right', said)];
  });
};

/** What is right here stands as the wrong value of another refute. */
function rightIsWrongElsewhere(refute: RecordedCheck, refutes: readonly RecordedCheck[]): string | undefined {
  const other = refutes.find(
    (one) =>
      one !== refute && one.evidence?.actual === refute.evidence?.expected && isOneValue(one, 0, refute),
  );
  return other && `its right value is refuted itself, by "${other.name}" in cell ${other.cell.number}`;
}

/** What is right here differs from its own reference by more than the margin that makes the other one wrong. */
function rightIsOff(refute: RecordedCheck, checks: readonly RecordedCheck[]): string | undefined {
  const margin = refute.numbers?.allowed;
  if (margin === undefined) return undefined;
  for (const check of checks) {
    if (check.kind !== 'verify' || !check.numbers || !(check.numbers.maxAbsolute > margin)) continue;
    const { evidence } = check;
    const isActual = evidence?.actual === refute.evidence?.expected && isOneValue(check, 0, refute);
    const isExpected = evidence?.expected === refute.evidence?.expected && isOneValue(check, 1, refute);
    if (!isActual && !isExpected) continue;
    const off = formatNumber(check.numbers.maxAbsolute);
    return `its right value is ${off} away from its own reference ("${check.name}" in cell ${check.cell.number}), more than the ${formatNumber(margin)} that refute the wrong one`;
  }
  return undefined;
}

/** One rounding to float32 moves the right value by more than the margin. */
function rightIsRounded({ numbers, evidence }: RecordedCheck): string | undefined {
  if (!numbers || !evidence || evidence.simple) return undefined;
  const rounding = roundoff * Math.abs(numbers.expected);
  if (!(numbers.allowed < rounding)) return undefined;
  return `its right value rounded to float32 is off by up to ${formatNumber(rounding)}, more than the margin of ${formatNumber(numbers.allowed)}`;
}

/** Equal digests tell one value where it needs many digits; a count or a fraction must be the same expression too. */
function isOneValue(check: RecordedCheck, side: 0 | 1, refute: RecordedCheck): boolean {
  if (!refute.evidence) return false;
  if (!refute.evidence.simple) return true;
  const right = refute.call?.args[1]?.same;
  return right !== undefined && !/^[\d.-]+$/.test(right) && check.call?.args[side]?.same === right;
}

export const expectedErrors: Rule = ({ cells, checks }) => {
  const own = cells.flatMap(({ analysis }) => analysis.thrown).filter((text) => text.length > 3);
  return checks.flatMap((check): AuditFinding[] => {
    if (check.kind !== 'throws' || !check.passed) return [];
    const { detail } = check;
    if (
      /\b(?:is not a function|is not defined|is not a constructor|has no attribute)\b|^Cannot find name\b/.test(
        detail,
      )
    )
      return [atCheck(check, 'undeclared-name', `"${detail}" is what any misspelt name gives`)];
    const written = own.find((text) => pieces(text).every((piece) => detail.includes(piece)));
    if (written === undefined) return [];
    return [
      atCheck(
        check,
        'own-error',
        `the error is thrown by this notebook ("${written}"), not by what is under test`,
      ),
    ];
  });
};

/** The fixed parts of a message that may hold `${…}`. */
function pieces(text: string): string[] {
  return text.split(/\$\{[^}]*\}/).filter((piece) => piece.length > 0);
}
