/**
 * What a runner costs per notebook: start (kernel, file, check) and per cell. Each tool runs batches of notebooks of
 * few and of many cells without work; what the longer cost in all is compared, and the difference is the cells'. A batch is one process, so that what a tool needs
 * once is shared by its notebooks. The tools take turns, in another order every round.
 */
import { median, type Spread, spread } from '../kernel/statistics.js';
import { type BenchKernel, emptyNotebooks } from './notebooks.js';
import type { BenchPlace } from './place.js';
import { commandOf, type ToolName, toolNames } from './tools.js';

export interface OverheadScale {
  rounds: number;
  /** Notebooks of a batch. */
  count: number;
  few: number;
  many: number;
}

export const fullOverhead: OverheadScale = { rounds: 3, count: 3, few: 1, many: 20 };
export const quickOverhead: OverheadScale = { rounds: 1, count: 1, few: 1, many: 6 };

export interface Overhead {
  kernel: BenchKernel;
  tool: ToolName;
  /** Cells of the longer notebooks. */
  cells: number;
  /** Seconds per notebook of few and of many cells. */
  few: Spread;
  many: Spread;
  /** Milliseconds. */
  perCell: number;
  /** Seconds. */
  start: number;
}

export async function measureOverhead(
  place: BenchPlace,
  scale: OverheadScale,
  onProgress: (line: string) => void,
): Promise<Overhead[]> {
  const results: Overhead[] = [];
  for (const kernel of ['kernelbook', 'python3'] as const) {
    const batches = [scale.few, scale.many].map((cells) =>
      emptyNotebooks(place, kernel, { count: scale.count, cells }),
    );
    const samples = toolNames.map((tool) => ({ tool, seconds: batches.map((): number[] => []) }));
    for (let round = 0; round < scale.rounds; round++) {
      onProgress(`overhead, kernel ${kernel}: round ${round + 1} of ${scale.rounds}`);
      for (let turn = 0; turn < samples.length; turn++) {
        const { tool, seconds } = samples[(turn + round) % samples.length]!;
        for (const [size, notebooks] of batches.entries()) {
          const ran = await place.run(commandOf(tool, { notebooks, output: place.path('out') }, place));
          seconds[size]!.push(ran.seconds / scale.count);
        }
      }
    }
    results.push(...samples.map(({ tool, seconds }) => overhead(kernel, tool, seconds, scale)));
  }
  return results;
}

function overhead(
  kernel: BenchKernel,
  tool: ToolName,
  [few, many]: number[][],
  scale: OverheadScale,
): Overhead {
  const cell = (median(many!) - median(few!)) / (scale.many - scale.few);
  return {
    kernel,
    tool,
    cells: scale.many,
    few: spread(few!),
    many: spread(many!),
    perCell: cell * 1000,
    start: median(few!) - scale.few * cell,
  };
}
