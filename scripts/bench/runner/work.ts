/** The same notebooks of real work by every tool, one at a time, and by ours with two at a time. */
import { type Spread, spread } from '../kernel/statistics.js';
import { workNotebooks } from './notebooks.js';
import type { BenchPlace } from './place.js';
import { commandOf, type ToolName, toolNames } from './tools.js';

export interface Work {
  tool: ToolName;
  jobs: number;
  notebooks: number;
  /** Seconds for all of them. */
  seconds: Spread;
}

/** @param quick only two of the notebooks */
export async function measureWork(
  place: BenchPlace,
  { rounds, quick }: { rounds: number; quick: boolean },
  onProgress: (line: string) => void,
): Promise<Work[]> {
  const all = await workNotebooks(place);
  const notebooks = quick ? all.slice(-2) : all;
  const ways = [...toolNames.map((tool) => ({ tool, jobs: 1 })), { tool: toolNames[0]!, jobs: 2 }];
  const samples = ways.map((way) => ({ ...way, seconds: [] as number[] }));
  for (let round = 0; round < rounds; round++) {
    for (let turn = 0; turn < samples.length; turn++) {
      const { tool, jobs, seconds } = samples[(turn + round) % samples.length]!;
      onProgress(`real work, ${tool}${jobs > 1 ? ` --jobs ${jobs}` : ''}: round ${round + 1} of ${rounds}`);
      const output = place.path('out');
      seconds.push((await place.run(commandOf(tool, { notebooks, output, jobs }, place))).seconds);
    }
  }
  return samples.map(({ tool, jobs, seconds }) => ({
    tool,
    jobs,
    notebooks: notebooks.length,
    seconds: spread(seconds),
  }));
}
