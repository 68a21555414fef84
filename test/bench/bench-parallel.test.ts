/** The bench of all-reduces: a quick run has every way, and the verdict follows from hand-made figures. */
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, expect, test } from 'vitest';
import { packageRoot } from '../../kernel/package-root.js';
import { thisMachine } from '../../scripts/bench/kernel/machine.js';
import { type ParallelBench, parallelBenchMarkdown } from '../../scripts/bench/parallel/report.js';
import { describeRequires } from '../support/requires.js';

const folder = mkdtempSync(join(tmpdir(), 'kernelbook-bench-parallel-test-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describeRequires('mpi', 'a quick run', () => {
  test('has samples of MPI from TypeScript and from C, of threads and of a copy', async () => {
    const json = join(folder, 'result.json');
    const main = join(packageRoot(), 'dist', 'scripts', 'main.js');
    const { stdout } = await promisify(execFile)(process.execPath, [
      ...[main, 'bench', 'parallel', '--quick', '--json', json],
    ]);
    const { mpi, threads } = JSON.parse(readFileSync(json, 'utf8')) as ParallelBench;
    if (typeof mpi === 'string') throw new Error(mpi);
    for (const samples of [mpi.ours, mpi.sameCalls, mpi.blocking, threads.allReduce, threads.copy]) {
      expect(samples).toHaveLength(2);
      expect(Math.min(...samples)).toBeGreaterThan(0);
    }
    expect(stdout).toContain('of the rate of C with the same calls');
  });
});

const bench = (ours: number): ParallelBench => ({
  measuredAt: '2026-01-01',
  commit: 'abc',
  command: 'kernelbook bench parallel',
  quick: false,
  machine: { ...thisMachine(), load: 0 },
  scale: { bytes: 64 * 2 ** 20, ranks: 4, rounds: 1, repetitions: 3 },
  mpi: { library: 'Open MPI', ours: [9, ours, ours], sameCalls: [1, 1, 9], blocking: [1, 1, 1] },
  threads: { allReduce: [2], copy: [0.1] },
});

test('the verdict compares medians', () => {
  expect(parallelBenchMarkdown(bench(1.04))).toContain('| 0.962 | met |');
  expect(parallelBenchMarkdown(bench(1.06))).toContain('| 0.943 | **missed** |');
  expect(parallelBenchMarkdown({ ...bench(1), mpi: 'there is no mpicc on the PATH' })).toContain(
    'MPI was not measured: there is no mpicc on the PATH',
  );
});
