/** Numbers as people read them: few digits, units with prefixes, and JSON that keeps NaN and infinities apart. */

const prefixes = [
  [1e15, 'P'],
  [1e12, 'T'],
  [1e9, 'G'],
  [1e6, 'M'],
  [1e3, 'k'],
] as const;

/** `digits` significant digits without a long tail of zeros: 0.00012 -> "1.2e-4", 1234 -> "1234". */
export function formatNumber(value: number, digits = 3): string {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? 'NaN' : value > 0 ? '∞' : '-∞';
  if (value === 0) return '0';
  if (Number.isInteger(value) && Math.abs(value) < 1e6) return String(value);
  const magnitude = Math.abs(value);
  return magnitude >= 1e-3 && magnitude < 1e6
    ? String(Number(value.toPrecision(digits)))
    : value.toExponential(digits - 1);
}

/** A quantity with a decimal prefix: (1.23e9, 'B/s') -> "1.23 GB/s". */
export function formatQuantity(value: number, unit: string, digits = 3): string {
  const [factor, prefix] = prefixes.find(([limit]) => Math.abs(value) >= limit) ?? [1, ''];
  return `${formatNumber(value / factor, digits)} ${prefix}${unit}`;
}

/** A duration in the unit that keeps it short. */
export function formatSeconds(seconds: number, digits = 3): string {
  if (!Number.isFinite(seconds)) return formatNumber(seconds);
  if (seconds >= 1) return `${formatNumber(seconds, digits)} s`;
  if (seconds >= 1e-3) return `${formatNumber(seconds * 1e3, digits)} ms`;
  return seconds >= 1e-6
    ? `${formatNumber(seconds * 1e6, digits)} µs`
    : `${formatNumber(seconds * 1e9, digits)} ns`;
}

export function formatPercent(ratio: number): string {
  return `${formatNumber(ratio * 100, ratio < 0.1 ? 2 : 3)} %`;
}

/** (1, 'check') -> "1 check", (2, 'check') -> "2 checks". */
export function formatCount(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

/** JSON has no NaN and no infinities; they are kept as the strings 'NaN', 'Infinity', '-Infinity'. */
export function jsonNumber(value: number): number | string {
  return Number.isFinite(value) ? value : String(value);
}
