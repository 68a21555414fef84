/** Axes of the static figure: from data values to pixels, and the ticks with their labels. */
import { formatNumber } from '../../../display/format.js';

export interface Tick {
  /** Pixel position. */
  at: number;
  label: string;
}

export interface Axis {
  /** Pixel of a data value; undefined where the axis has no place for it (null, NaN, zero on a log axis). */
  place(value: unknown): number | undefined;
  ticks: Tick[];
  /** Pixels of one category or one unit of an index axis, for bars and cells. */
  band: number;
  categories: boolean;
}

/** From pixel `start` (low end) to pixel `end` (high end); `start > end` for a vertical axis. */
export type Span = readonly [start: number, end: number];

/** Domain limits that end on round numbers, and the step between them (1, 2 or 5 times a power of ten). */
export function niceDomain(
  low: number,
  high: number,
  count: number,
): { low: number; high: number; step: number } {
  const width = high - low || Math.abs(high) || 1;
  const raw = width / count;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = power * ([1, 2, 5, 10].find((factor) => factor * power >= raw * (1 - 1e-9)) ?? 10);
  return { low: Math.floor(low / step + 1e-9) * step, high: Math.ceil(high / step - 1e-9) * step, step };
}

export function linearAxis([low, high]: Span, [start, end]: Span, count: number): Axis {
  const { step } = niceDomain(low, high, count);
  const scale = (end - start) / (high - low || 1);
  const place = (value: unknown) =>
    typeof value === 'number' && Number.isFinite(value) ? start + (value - low) * scale : undefined;
  const ticks: Tick[] = [];
  const digits = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high + step * 1e-9; i++) {
    ticks.push({ at: place(i * step)!, label: tickLabel(i * step, digits) });
  }
  return { place, ticks, band: Math.abs(scale), categories: false };
}

/** `low` and `high` must be positive; without ticks of its own the axis has one per decade. */
export function logAxis([low, high]: Span, [start, end]: Span): Axis {
  const [from, to] = [Math.log10(low), Math.log10(high)];
  const scale = (end - start) / (to - from || 1);
  const place = (value: unknown) =>
    typeof value === 'number' && value > 0 && Number.isFinite(value)
      ? start + (Math.log10(value) - from) * scale
      : undefined;
  return { place, ticks: [], band: Math.abs(scale), categories: false };
}

/** The same axis with ticks at these values; those outside `span` are left out. */
export function withTicks(
  axis: Axis,
  values: readonly unknown[],
  labels: readonly string[] | undefined,
  [start, end]: Span,
): Axis {
  const [first, last] = [Math.min(start, end) - 0.5, Math.max(start, end) + 0.5];
  const ticks = values.flatMap((value, i): Tick[] => {
    const at = axis.place(value);
    return at === undefined || at < first || at > last ? [] : [{ at, label: labels?.[i] ?? String(value) }];
  });
  return { ...axis, ticks };
}

/** Labels in equal bands; a label stands in the middle of its band. */
export function categoryAxis(labels: readonly string[], [start, end]: Span, mostTicks: number): Axis {
  const band = (end - start) / Math.max(1, labels.length);
  const position = new Map(labels.map((label, i) => [label, start + (i + 0.5) * band]));
  const least = labels.length / Math.max(1, mostTicks);
  // Every 1st, 2nd, 5th, 10th, … label, as many as there is room for.
  const every = least <= 1 ? 1 : niceDomain(0, least, 1).step;
  const ticks = labels.flatMap((label, i) => (i % every === 0 ? [{ at: position.get(label)!, label }] : []));
  return { place: (value) => position.get(String(value)), ticks, band: Math.abs(band), categories: true };
}

function tickLabel(value: number, digits: number): string {
  const magnitude = Math.abs(value);
  if (magnitude !== 0 && (magnitude >= 1e6 || digits > 4))
    return formatNumber(value, 2).replace(/\.0(?=e)/, '');
  return value
    .toFixed(digits)
    .replace(/^-(?=0(\.0*)?$)/, '')
    .replace('-', '−');
}
