/** What the fused kernels are meant to gain over their composed forms, and which rows of a result show it. */
import { formatNumber, formatPercent } from '../../src/display/format.js';
import type { BenchRow } from './bench-gpu.js';

export interface TargetResult {
  target: string;
  kernel: string;
  measured: string;
  met: boolean;
}

interface Target {
  text: string;
  applies(row: BenchRow): boolean;
  /** The measured figure and whether it suffices. */
  judge(row: BenchRow): { measured: string; met: boolean };
}

const faster = (times: number): Pick<Target, 'judge'> => ({
  judge: ({ speedup = 0 }) => ({ measured: `${formatNumber(speedup)} ×`, met: speedup >= times }),
});

const atMost = (share: number): Pick<Target, 'judge'> => ({
  judge: ({ fused, composed }) => {
    const measured = fused.peakBytes / composed!.peakBytes;
    return { measured: formatPercent(measured), met: measured <= share };
  },
});

const longAttention = ({ op, gradient, sizes }: BenchRow) =>
  op === 'attention' && !gradient && sizes.T === 2048;

const targets: readonly Target[] = [
  { text: 'attention forward at T = 2048: at least 3 × as fast', applies: longAttention, ...faster(3) },
  {
    text: 'attention forward at T = 2048: at most 1 % of the memory',
    applies: longAttention,
    ...atMost(0.01),
  },
  {
    text: 'rmsNorm forward + gradient: at least 2 × as fast',
    applies: ({ op, gradient }) => op === 'rmsNorm' && gradient,
    ...faster(2),
  },
  {
    text: 'crossEntropy forward + gradient, V = 50257: at most half the memory',
    applies: ({ op, gradient, sizes }) => op === 'crossEntropy' && gradient && sizes.V === 50_257,
    ...atMost(0.5),
  },
];

/** Every target with every row that it applies to; rows without a composed form cannot show one. */
export function targetResults(rows: readonly BenchRow[]): TargetResult[] {
  return targets.flatMap(({ text, applies, judge }) =>
    rows
      .filter((row) => row.composed && applies(row))
      .map((row) => ({ target: text, kernel: `${row.name} (${row.shape})`, ...judge(row) })),
  );
}
