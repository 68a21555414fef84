/**
 * The bench of kernels: a run against real kernels, what it does with one that answers wrong, late or not at all, the
 * signal that ends it, and its statistics and tables by hand-made figures.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { ownKernelSpec } from '../../kernel/kernelspec.js';
import { packageRoot } from '../../kernel/package-root.js';
import { benchKernels, type KernelFigures } from '../../scripts/bench/kernel/bench-kernel.js';
import { type Dialect, dialectOf } from '../../scripts/bench/kernel/dialect.js';
import { busyWarning, type Machine } from '../../scripts/bench/kernel/machine.js';
import { type Figure, type FigureId, measures, quickScale } from '../../scripts/bench/kernel/measures.js';
import { type KernelBench, kernelBenchMarkdown } from '../../scripts/bench/kernel/report.js';
import { median, spread } from '../../scripts/bench/kernel/statistics.js';
import { Subject } from '../../scripts/bench/kernel/subject.js';
import { targets } from '../../scripts/bench/kernel/targets.js';
import { makeWorkspace } from '../../scripts/bench/kernel/workspace.js';
import { descendants, processRuns } from '../../scripts/processes.js';
import { residentMemory } from '../../scripts/run/limits/memory-watch.js';
import { describeRequires } from '../support/requires.js';

const folder = mkdtempSync(join(tmpdir(), 'kernelbook-bench-test-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const main = join(packageRoot(), 'dist', 'scripts', 'main.js');
const start = (args: string[], home = folder) =>
  spawn(process.execPath, [main, 'bench', 'kernel', ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, TMPDIR: home },
  });
/** The bench's folders and the connection files of its kernels. */
const leftBehind = (home: string) =>
  readdirSync(home, { recursive: true, encoding: 'utf8' }).filter((path) =>
    /kernelbook-bench-|kernel-.*\.json/.test(path),
  );

describeRequires('venv', 'a quick run against ipykernel', () => {
  test('every figure of our kernel, those of the other, the reasons for the rest', async () => {
    const json = join(folder, 'result.json');
    const markdown = join(folder, 'result.md');
    const run = start(['--quick', '--against', 'python3', '--json', json, '--markdown', markdown]);
    let progress = '';
    run.stderr.on('data', (text) => {
      progress += text;
    });
    const [status] = await once(run, 'exit');
    expect(status, progress).toBe(0);
    expect(progress).toContain('declaring cell with a type: round 1 of 1');
    const result = JSON.parse(readFileSync(json, 'utf8')) as KernelBench;
    const [ours, python] = result.kernels as [KernelFigures, KernelFigures];
    expect([ours.kernel, python.kernel]).toEqual(['kernelbook', 'python3']);
    for (const { id } of result.figures)
      expect(ours.figures[id], id).toMatchObject({ median: expect.any(Number), samples: expect.any(Number) });
    expect(ours.figures.declaring).toMatchObject({ samples: quickScale.perTurn });
    expect(ours.figures.typeError).toMatchObject({ median: 1 });
    expect(python.figures.typeError).toEqual({ missing: 'Python does not check its annotations' });
    expect(python.figures.completionLooping).toEqual({ missing: expect.stringContaining('has ended') });
    expect(python.figures.tensor).toMatchObject({ samples: quickScale.perTurn });
    // A kernel and a compiler need at least so much, and not the machine's whole memory.
    expect((ours.figures.memoryStart as { median: number }).median).toBeGreaterThan(50);
    expect((ours.figures.memoryStart as { median: number }).median).toBeLessThan(2_000);
    const page = readFileSync(markdown, 'utf8');
    expect(page).toContain('tensor cells: numpy, not tfjs');
    expect(page).toContain('| declaring cell at most 1.5 × Deno | no figure of deno | not measured |');
    expect(page).toContain('**A quick run');
    expect(leftBehind(folder)).toEqual([]);
  });
});

test('a signal leaves no kernel and no folder behind', async () => {
  const home = mkdtempSync(join(folder, 'signal-'));
  const run = start(['--quick'], home);
  run.stdout.resume();
  let progress = '';
  await new Promise<void>((done, failed) => {
    run.stderr.on('data', (text) => {
      progress += text;
      if (/trivial cell.*round/.test(progress)) done();
    });
    run.once('exit', () => failed(new Error(progress)));
  });
  const processes = descendants(run.pid!);
  expect(processes.length).toBeGreaterThan(1);
  run.kill('SIGINT');
  const [status] = await once(run, 'exit');
  expect(status).toBe(130);
  await expect.poll(() => processes.filter(processRuns)).toEqual([]);
  expect(leftBehind(home)).toEqual([]);
});

test('an unknown kernel is bad usage, with the kernels there are', async () => {
  const run = start(['--against', 'pyhton3']);
  let text = '';
  run.stderr.on('data', (part) => {
    text += part;
  });
  const [status] = await once(run, 'exit');
  expect(status).toBe(2);
  expect(text).toMatch(/no kernel named "pyhton3".*Kernels here: .*kernelbook/s);
});

test('a wrong value is no figure, a cell that does not end costs its kernel, and the bench goes on', async () => {
  const typescript = dialectOf('typescript')!;
  const dialect: Dialect = {
    ...typescript,
    declaring: () => ({ code: '41', shows: '42' }),
    lines: () => 'for (let i = 0; i < 7; i++) console.log("line " + i);',
    block: () => 'process.exit(3)',
    completion: 'noSuchName',
  };
  const wanted = new Set<FigureId>(['trivial', 'declaring', 'completion', 'lines', 'block', 'typeError']);
  const all = measures({ ...quickScale, perTurn: 2 });
  const { kernels } = await benchKernels(
    [new Subject(ownKernelSpec(), dialect, makeWorkspace())],
    all.filter(({ figures }) => figures.some(({ id }) => wanted.has(id))),
  );
  expect(kernels[0]!.figures).toMatchObject({
    trivial: { samples: 2 },
    declaring: { missing: 'a cell should have shown 42, it showed "41"' },
    completion: { missing: 'completing tf.mat does not offer noSuchName' },
    lines: { missing: expect.stringMatching(/^7 of 20000 lines came/) },
    block: { missing: expect.stringMatching(/^a cell failed: KernelExit.*exit code 3/) },
    typeError: { median: 1 },
  });
});

test('memory counts the processes below, too', async () => {
  const alone = await residentMemory(process.pid);
  const child = spawn(process.execPath, ['-e', 'console.log(1); setInterval(() => {}, 1000)']);
  await once(child.stdout, 'data');
  // A bare Node needs some 40 MiB; this process does not give so much back meanwhile.
  expect(await residentMemory(process.pid)).toBeGreaterThan(alone + 10 * 1024 * 1024);
  child.kill();
});

describe('statistics', () => {
  test('median and 95th percentile of known lists', () => {
    expect(median([3, 1, 2])).toBe(2);
    expect(median([4, 1, 3, 2])).toBe(2.5);
    expect(spread([5])).toEqual({ median: 5, p95: 5, samples: 1 });
    const hundred = Array.from({ length: 100 }, (_, i) => 100 - i);
    expect(spread(hundred)).toEqual({ median: 50.5, p95: 95, samples: 100 });
    expect(() => spread([])).toThrow('no samples');
  });
});

describe('report', () => {
  const machine: Machine = {
    platform: 'linux x64',
    cpu: 'A|B CPU',
    cores: 2,
    memoryGiB: 24,
    node: '20.0.0',
    load: 0.1,
    extraCertificates: false,
  };
  const kernel = (name: string, figures: KernelFigures['figures']): KernelFigures => ({
    kernel: name,
    implementation: `${name} 1`,
    language: 'typescript 6',
    protocol: '5.4',
    tensors: 'tfjs',
    figures,
  });
  const of = (value: number) => ({ median: value, p95: 2 * value, samples: 9 });
  const ours = kernel('kernelbook', {
    declaring: of(2),
    tensor: of(4),
    lines: of(101),
    growth: of(1.5),
    typeError: of(1),
  });
  const deno = kernel('deno', { declaring: of(1.25), lines: { missing: '7 of 9 lines | came' } });
  const figures: Figure[] = [
    { id: 'declaring', title: 'declaring cell', unit: 'ms' },
    { id: 'lines', title: 'lines', unit: 'ms' },
    { id: 'typeError', title: 'type error caught', unit: 'of 1' },
  ];
  const bench: KernelBench = {
    measuredAt: '2026-01-01',
    commit: 'abc',
    command: 'kernelbook bench kernel --against deno',
    quick: false,
    machine,
    figures,
    kernels: [ours, deno],
  };

  test('targets: met, missed, not measured', () => {
    const verdicts = Object.fromEntries(targets([ours, deno]).map(({ title, met }) => [title, met]));
    expect(verdicts).toEqual({
      'start to first result at most 1.3 × Deno': false,
      'declaring cell at most 1.5 × Deno': false,
      'type errors caught': true,
      'tensor cell at most a fifth of tslab': undefined,
      'completion at most 10 ms while a cell awaits': false,
      'completion at most 10 ms while a cell loops': false,
      '20,000 lines at most 100 ms, all of them': false,
      '4 MiB at most 50 ms': false,
      'a late cell at most 1.5 × an early one': true,
    });
    const tslab = kernel('tslab', { tensor: of(20) });
    expect(targets([ours, tslab]).find(({ title }) => title.startsWith('tensor'))!.met).toBe(true);
  });

  test('figures with percentile and count, ratios, reasons, verdicts; markup stays text', () => {
    const text = kernelBenchMarkdown(bench);
    expect(text).toContain('| figure | kernelbook | deno | ours / deno |');
    expect(text).toContain('| declaring cell | 2 / 4 ms (9) | 1.25 / 2.5 ms (9) | 1.6 |');
    expect(text).toContain('| lines | 101 / 202 ms (9) | — |  |');
    expect(text).toContain('| type error caught | yes | — |  |');
    expect(text).toContain('- — deno, lines: 7 of 9 lines \\| came');
    expect(text).toContain('| 20,000 lines at most 100 ms, all of them | 101.00 ms | **missed** |');
    expect(text).toContain('A\\|B CPU, 2 cores, 24 GiB');
    expect(text).not.toContain('busy when');
    expect(text).not.toContain('quick');
  });

  test('a busy machine is told', () => {
    expect(busyWarning({ ...machine, load: 0.4 })).toBe('');
    const busy = { ...machine, load: 3 };
    expect(busyWarning(busy)).toContain('load 3.0 on 2 cores');
    expect(kernelBenchMarkdown({ ...bench, machine: busy })).toContain('**Note: the machine was busy');
  });
});
