/**
 * Ticks of a logarithmic axis that can be read: the positions themselves where there are few, powers of two where the
 * data stands on them, else 1-2-5, 1-3, or powers of ten. All labels of an axis are of one kind.
 */
import { niceDomain } from './static/axis.js';

export interface LabelledTicks {
  values: number[];
  labels: string[];
}

const most = 8;
/** Ticks nearer than this share of the axis would touch. */
const nearest = 1 / 16;

/**
 * @param low the ends of the axis, both positive
 * @param positions where the data stands, for an axis of which every position was chosen (lengths, widths, depths)
 */
export function logTicks(low: number, high: number, positions: readonly number[] = []): LabelledTicks {
  const inside = (value: number) => value >= low * (1 - 1e-9) && value <= high * (1 + 1e-9);
  const own = [...new Set(positions)].filter((value) => value > 0 && inside(value)).sort((a, b) => a - b);
  if (own.length >= 2 && own.every((value) => Number.isInteger(Math.log2(value))))
    return labelled(powersOfTwo(own[0]!, own.at(-1)!), 2);
  if (own.length >= 2 && own.length <= most && areApart(own, low, high)) return labelled(own, 10);
  const decades = Math.log10(high / low);
  if (decades < 0.5) return labelled(evenTicks(low, high).filter(inside), 10);
  const factors =
    decades <= 0.9 ? [1, 1.5, 2, 3, 5, 7] : decades <= 1.6 ? [1, 2, 5] : decades <= 3.2 ? [1, 3] : [1];
  const every = Math.max(1, Math.ceil(decades / most));
  const values: number[] = [];
  for (let power = Math.floor(Math.log10(low)); power <= Math.ceil(Math.log10(high)); power++) {
    if (power % every !== 0) continue;
    values.push(...factors.map((factor) => Number(`${factor}e${power}`)).filter(inside));
  }
  return labelled(values, 10);
}

function powersOfTwo(first: number, last: number): number[] {
  const [from, to] = [Math.log2(first), Math.log2(last)];
  const every = Math.ceil((to - from + 1) / most);
  const values: number[] = [];
  for (let power = from; power <= to; power += every) values.push(2 ** power);
  return values;
}

function areApart(sorted: readonly number[], low: number, high: number): boolean {
  const least = Math.log(high / low) * nearest;
  return sorted.every((value, i) => i === 0 || Math.log(value / sorted[i - 1]!) > least);
}

/** Less than half a decade looks almost linear, and has hardly a round power in it. */
function evenTicks(low: number, high: number): number[] {
  const { low: start, high: end, step } = niceDomain(low, high, 5);
  const count = Math.round((end - start) / step);
  return Array.from({ length: count + 1 }, (_, i) =>
    Number(((Math.round(start / step) + i) * step).toPrecision(12)),
  );
}

/** Full values where all of them are short; else all are powers, or multiples of powers. */
function labelled(values: number[], base: 2 | 10): LabelledTicks {
  const short = values.every((value) => value >= 1e-4 && value < 1e5);
  return { values, labels: values.map((value) => (short ? String(value) : power(value, base))) };
}

function power(value: number, base: 2 | 10): string {
  if (base === 2) return `2${superscript(Math.log2(value))}`;
  const [digits, exponent] = value.toExponential(2).split('e');
  const factor = String(Number(digits));
  const raised = `10${superscript(Number(exponent))}`;
  return factor === '1' ? raised : `${factor}·${raised}`;
}

const raisedDigits = '⁰¹²³⁴⁵⁶⁷⁸⁹';

function superscript(exponent: number): string {
  return [...String(exponent)].map((digit) => (digit === '-' ? '⁻' : raisedDigits[Number(digit)])).join('');
}
