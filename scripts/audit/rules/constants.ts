/**
 * Constants typed into a check that equal what the notebook shows itself: then the check compares a result with an
 * earlier copy of it. Told are decimals of three digits and more, and counts from a thousand on; a value that was
 * worked out by hand looks the same and is told too, once.
 */
import { stripVTControlCharacters } from 'node:util';
import type { CodeCell } from '../../notebook/format.js';
import type { Argument, CheckCall } from '../cells/cell.js';
import type { RecordedCheck } from '../checks.js';
import { type AuditFinding, placeOf, type Rule } from './rule.js';

export const typedConstants: Rule = ({ cells, checks }) => {
  const findings: AuditFinding[] = [];
  const shown: { cell: number; value: number }[] = [];
  for (const cell of cells) {
    for (const call of cell.analysis.checks) {
      const typed = expectedOf(call)?.constants.filter(({ text }) => isTelling(text)) ?? [];
      if (typed.length === 0) continue;
      const record = checks.find((one) => one.call === call);
      const copies = typed.flatMap(({ text, start }) => {
        const from = shown.find(({ value }) => agrees(text, value))?.cell;
        if (from !== undefined) return [{ text, start, said: `${text} is shown by cell ${from}` }];
        return record && isMeasured(text, record, typed.length)
          ? [{ text, start, said: `${text} is the measured value` }]
          : [];
      });
      const [first] = copies;
      if (!first) continue;
      findings.push({
        rule: 'typed-constant',
        message: `${call.kind}${call.name ? ` "${call.name}"` : ''}: ${copies.map(({ said }) => said).join(', ')}: derive it where it stands`,
        cell: placeOf(cell),
        start: first.start,
        end: first.start + first.text.length,
      });
    }
    for (const value of numbersShown(cell.cell)) shown.push({ cell: cell.number, value });
  }
  return findings;
};

/** The side that is the reference. */
function expectedOf({ kind, args }: CheckCall): Argument | undefined {
  return kind === 'verify' || kind === 'verifyEqual' || kind === 'assert' ? args[1] : undefined;
}

/** Whether so many digits agree only by descent. Round numbers are chosen, not measured. */
function isTelling(text: string): boolean {
  const digits = text
    .replaceAll(/[-_.]|e.*$/gi, '')
    .replace(/^0+/, '')
    .replace(/0+$/, '');
  return digits.length >= 3;
}

/** Whether a number, rounded to as many digits as were typed, is what was typed. */
function agrees(text: string, value: number): boolean {
  const typed = Number(text.replaceAll('_', ''));
  const [, fraction = '', exponent = '0'] =
    /^-?\d*\.?(\d*)(?:e([+-]?\d+))?$/i.exec(text.replaceAll('_', '')) ?? [];
  const half = 0.5 * 10 ** (Number(exponent) - fraction.length);
  return Number.isInteger(typed) && fraction === ''
    ? value === typed
    : Math.abs(value - typed) <= half * (1 + 1e-9);
}

function isMeasured(text: string, { numbers }: RecordedCheck, count: number): boolean {
  if (!numbers || numbers.maxAbsolute === 0 || /^-?\d+$/.test(text)) return false;
  // Of several values the record holds one; the others are then within the largest error.
  const [, fraction = ''] = /\.(\d*)/.exec(text) ?? [];
  if (count > 1) return numbers.maxAbsolute <= 0.5 * 10 ** -fraction.length;
  return agrees(text, numbers.actual);
}

function numbersShown(cell: CodeCell): number[] {
  const texts = cell.outputs.flatMap((output) => {
    if (output.output_type === 'stream') return [output.text];
    return 'data' in output && typeof output.data['text/plain'] === 'string' && !isRecord(output.data)
      ? [output.data['text/plain']]
      : [];
  });
  return texts.flatMap((text) =>
    [
      ...stripVTControlCharacters(text).matchAll(/(?<![\w.])-?\d+(?:[_,]\d{3})*(?:\.\d+)?(?:e[+-]?\d+)?/gi),
    ].map(([found]) => Number(found.replaceAll(/[_,]/g, ''))),
  );
}

/** What checks and profiles show is their own account of numbers. */
function isRecord(data: Record<string, unknown>): boolean {
  return Object.keys(data).some((mime) => mime.startsWith('application/vnd.kernelbook.'));
}
