/** What is said of a list of samples: median, 95th percentile, how many there are. */

export interface Spread {
  median: number;
  p95: number;
  samples: number;
}

export function spread(values: readonly number[]): Spread {
  if (values.length === 0) throw new Error('spread: there are no samples');
  const sorted = [...values].sort((a, b) => a - b);
  return {
    median: median(values),
    p95: sorted[Math.ceil(sorted.length * 0.95) - 1]!,
    samples: sorted.length,
  };
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  return (sorted[Math.ceil(middle) - 1]! + sorted[Math.floor(middle)]!) / 2;
}
