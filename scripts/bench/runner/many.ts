/** Many notebooks in one run: whether the runner's memory and open files grow, and what is left behind. */
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { emptyNotebooks } from './notebooks.js';
import type { BenchPlace } from './place.js';
import { commandOf } from './tools.js';

export interface ManyScale {
  notebooks: number;
  cells: number;
  jobs: number;
}

export const fullMany: ManyScale = { notebooks: 500, cells: 20, jobs: 2 };
export const quickMany: ManyScale = { notebooks: 6, cells: 3, jobs: 2 };

export interface Many extends ManyScale {
  seconds: number;
  /** Of the runner's process, in MiB, after that many notebooks; kernels are not counted. */
  memory: { finished: number; mebibytes: number; openFiles: number }[];
  /** MiB per 100 notebooks, a straight line through the second half. */
  slope: number;
  /** The growth over the second half by that line, as a share of the mean. */
  growth: number;
  openFilesGrown: number;
  processes: number;
  files: string[];
}

/** Growth that counts as none: what a garbage collector leaves open. */
export const flatGrowth = 0.05;

/** How long a process that has been told to end may take to be gone. */
const goneMs = 60_000;

/** @throws Error where there is no /proc */
export async function measureMany(
  place: BenchPlace,
  scale: ManyScale,
  onProgress: (line: string) => void,
): Promise<Many> {
  const notebooks = emptyNotebooks(place, 'kernelbook', { count: scale.notebooks, cells: scale.cells });
  const memory: Many['memory'] = [];
  const command = commandOf(
    'kernelbook run',
    { notebooks, output: place.path('out'), jobs: scale.jobs },
    place,
  );
  const { seconds, stdout } = await place.run(command, ({ pid, stdout: lines }) => {
    lines?.on('data', (text: string) => {
      const finished = Number(
        text
          .match(/^\[(\d+)\/\d+\]/gm)
          ?.at(-1)
          ?.slice(1)
          .split('/')[0] ?? 0,
      );
      if (finished === 0) return;
      memory.push({ finished, ...stateOf(pid!) });
      if (finished % 25 < scale.jobs) onProgress(`${finished} of ${scale.notebooks} notebooks`);
    });
  });
  const passed = stdout.match(/^\[\d+\/\d+\] .* passed/gm)?.length ?? 0;
  if (passed !== scale.notebooks) throw new Error(`${passed} of ${scale.notebooks} notebooks passed`);
  const until = performance.now() + goneMs;
  while (place.processes().length > 0 && performance.now() < until) await sleep(100);
  const half = memory.filter(({ finished }) => finished >= scale.notebooks / 2);
  const slope = slopeOf(half.map(({ finished, mebibytes }) => [finished, mebibytes]));
  const mean = half.reduce((sum, { mebibytes }) => sum + mebibytes, 0) / half.length;
  return {
    ...scale,
    seconds,
    memory,
    slope: slope * 100,
    growth: (slope * scale.notebooks) / 2 / mean,
    openFilesGrown: half.at(-1)!.openFiles - half[0]!.openFiles,
    processes: place.processes().length,
    files: place.leftovers(),
  };
}

/** Least squares; 0 for fewer than two points. */
export function slopeOf(points: readonly (readonly [number, number])[]): number {
  const mean = (of: 0 | 1) => points.reduce((sum, point) => sum + point[of], 0) / points.length;
  const [x, y] = [mean(0), mean(1)];
  const covariance = points.reduce((sum, point) => sum + (point[0] - x) * (point[1] - y), 0);
  const variance = points.reduce((sum, point) => sum + (point[0] - x) ** 2, 0);
  return variance === 0 ? 0 : covariance / variance;
}

function stateOf(pid: number): { mebibytes: number; openFiles: number } {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const kibibytes = Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]);
  return { mebibytes: kibibytes / 1024, openFiles: readdirSync(`/proc/${pid}/fd`).length };
}
