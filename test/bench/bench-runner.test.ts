/** The bench of runners: a quick run of everything, many notebooks in one run, and the verdicts by hand-made figures. */
import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, describe, expect, test } from 'vitest';
import { packageRoot } from '../../kernel/package-root.js';
import { measureMany, slopeOf } from '../../scripts/bench/runner/many.js';
import type { Overhead } from '../../scripts/bench/runner/overhead.js';
import { BenchPlace } from '../../scripts/bench/runner/place.js';
import { type RunnerBench, runnerBenchMarkdown, targets } from '../../scripts/bench/runner/report.js';
import { describeRequires } from '../support/requires.js';

const folder = mkdtempSync(join(tmpdir(), 'kernelbook-bench-runner-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describeRequires('venv', 'a quick run', () => {
  test('has every tool with both kernels, and real work', async () => {
    const json = join(folder, 'result.json');
    const main = join(packageRoot(), 'dist', 'scripts', 'main.js');
    const { stdout } = await promisify(execFile)(process.execPath, [
      ...[main, 'bench', 'runner', '--quick', '--json', json],
    ]);
    const bench = JSON.parse(readFileSync(json, 'utf8')) as RunnerBench;
    const tools = ['kernelbook run', 'papermill', 'nbclient'];
    expect(bench.overhead!.map(({ kernel, tool }) => [kernel, tool])).toEqual(
      ['kernelbook', 'python3'].flatMap((kernel) => tools.map((tool) => [kernel, tool])),
    );
    for (const { few } of bench.overhead!) expect(few.median).toBeGreaterThan(0.1);
    expect(bench.work!.map(({ jobs }) => jobs)).toEqual([1, 1, 1, 2]);
    expect(stdout).toContain('## Targets');
  });
});

test.runIf(existsSync('/proc/self'))(
  'many notebooks in one run leave no process, file or open descriptor behind',
  async () => {
    const scale = { notebooks: 12, cells: 5, jobs: 2 };
    const place = new BenchPlace(undefined);
    // Without one, a process that writes it may outlive the short run.
    await place.buildSnapshot();
    const many = await measureMany(place, scale, () => {});
    expect(many).toMatchObject({ processes: 0, files: [] });
    expect(many.memory.at(-1)).toMatchObject({ finished: 12 });
    expect(many.openFilesGrown).toBeLessThanOrEqual(4);
    // So few notebooks do not show a slope; a runner that kept a kernel's worth of each would be far above.
    expect(many.memory.at(-1)!.mebibytes).toBeLessThan(many.memory[0]!.mebibytes + 100);
  },
);

describe('verdicts', () => {
  const of = (value: number) => ({ median: value, p95: value, samples: 3 });
  const overhead = (tool: Overhead['tool'], many: number): Overhead => ({
    kernel: 'python3',
    tool,
    cells: 20,
    few: of(many / 2),
    many: of(many),
    perCell: 10,
    start: many / 2,
  });
  const bench: RunnerBench = {
    measuredAt: '2026-01-01',
    commit: 'abc',
    command: 'kernelbook bench runner',
    quick: false,
    machine: {
      ...{ platform: 'linux x64', cpu: 'CPU', cores: 2, memoryGiB: 24, node: '20.0.0' },
      ...{ load: 0.1, extraCertificates: false },
    },
    python: 'Python 3',
    overhead: [overhead('kernelbook run', 1), overhead('papermill', 2.1), overhead('nbclient', 1.9)],
    work: [
      { tool: 'kernelbook run', jobs: 1, notebooks: 10, seconds: of(17) },
      { tool: 'papermill', jobs: 1, notebooks: 10, seconds: of(30) },
      { tool: 'kernelbook run', jobs: 2, notebooks: 10, seconds: of(10) },
    ],
    many: {
      ...{ notebooks: 500, cells: 20, jobs: 2, seconds: 400, memory: [], slope: 10, growth: 0.06 },
      ...{ openFilesGrown: 0, processes: 0, files: ['tmp/left'] },
    },
  };

  test('met and missed, each with its figures', () => {
    expect(targets(bench).map(({ met }) => met)).toEqual([true, false, true, false, false]);
    const page = runnerBenchMarkdown(bench);
    expect(page).toContain('| 1.00 s, nbclient 1.90 s (0.53 ×) | **missed** |');
    expect(page).toContain('| 10.0 s instead of 17.0 s (1.70 ×) | met |');
    expect(page).toContain('| python3 | papermill | 1.05 | 10.0 | 2.10 | 3 |');
    expect(page).toContain('0 processes, 1 files');
  });

  test('the slope of a line, and of no line', () => {
    expect(slopeOf([1, 2, 3, 4].map((x) => [x, 3 * x + 1] as const))).toBeCloseTo(3);
    expect(slopeOf([[1, 5]])).toBe(0);
  });
});
