/** The benchmark measures what it says: fused kernels that ran, composed forms without any, figures that follow. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { type BenchResult, benchGpu } from '../../scripts/bench/bench-gpu.js';
import { benchCases } from '../../scripts/bench/cases/index.js';
import { benchMarkdown } from '../../scripts/bench/markdown.js';
import { withTorch } from '../../scripts/bench/torch.js';
import { matrixUnit } from '../../src/compute/subgroup-matrix.js';
import { tf } from '../../src/compute/tf.js';
import type { GpuBackend } from '../../src/compute/webgpu-backend.js';
import { eachBackend } from '../compute/backends.js';
import { skipNote } from '../support/requires.js';

eachBackend(() => {
  test('every case runs fused kernels, and nothing is left behind', async () => {
    const seen: string[] = [];
    const result = await benchGpu({
      size: 'tiny',
      seconds: 0,
      commit: 'abc',
      onCase: (name) => seen.push(name),
    });
    expect(seen).toEqual(result.rows.map(({ name }) => name));
    const both = (name: string, forward: string, gradient: unknown) => [
      [`${name} forward`, forward],
      [`${name} forward + gradient`, gradient],
    ];
    const { gpu } = tf.backend() as GpuBackend;
    const products = (unit: boolean) => [
      [`matmul f16${unit ? ' matrix units' : ''} forward`, `matmul.f16${unit ? '.subgroupMatrix' : ''}`],
      [
        `attention f16${unit ? ' matrix units' : ''} forward`,
        `attention.forward.f16${unit ? '.subgroupMatrix' : ''}`,
      ],
    ];
    const halves = gpu.features.includes('shader-f16')
      ? [
          ['rmsNorm f16 forward', 'rmsNorm.forward.f16'],
          ['softmax f16 forward', 'softmax.forward.f16'],
          ['rope half f16 forward', 'rope.half.f16'],
          ['swiglu f16 forward', 'gated.forward.f16'],
          ...products(false),
          ...(matrixUnit(gpu) ? products(true) : []),
        ]
      : [];
    expect(result.rows.map(({ name, path }) => [name, path])).toEqual([
      ...both('rmsNorm', 'rmsNorm.forward', 'rmsNorm.forward, rmsNorm.backward, rmsNorm.columnSums'),
      ...both(
        'layerNorm',
        'layerNorm.forward',
        'layerNorm.forward, layerNorm.backward, layerNorm.columnSums',
      ),
      ...both('softmax', 'softmax.forward', 'softmax.forward, softmax.backward'),
      ...both('crossEntropy', 'crossEntropy.forward', 'crossEntropy.forward, crossEntropy.backward'),
      ['rope interleaved', 'rope.interleaved'],
      ['rope half', 'rope.half'],
      ...both('swiglu', 'gated.forward', 'gated.forward, gated.backward'),
      ['adamW step', 'adam.step'],
      ...both(
        'attention',
        'attention.forward',
        expect.stringMatching(/attention\.forward.*attention\.queryGradient.*keyGradient/),
      ),
      ['attention decode', 'attention.decode, attention.merge'],
      ...halves,
    ]);
    for (const { name, fused, composed, plain, speedup, bytes, bytesPerSecond, note } of result.rows) {
      expect(note).toBeUndefined();
      expect(speedup).toBeCloseTo(composed!.time.median / fused.time.median, 9);
      expect(bytesPerSecond).toBeCloseTo(bytes / fused.time.median, 3);
      const alone = name.startsWith('rope') || (name.includes('f16') && !/softmax|matmul/.test(name));
      expect(plain === undefined, name).toBe(alone);
      // Its results at least: RoPE's, of 32 numbers, and a loss are the smallest.
      const smallest = name.includes('f16') ? 64 : 128;
      expect(fused.peakBytes, name).toBeGreaterThanOrEqual(name === 'crossEntropy forward' ? 4 : smallest);
    }
    expect(result).toMatchObject({ commit: 'abc', size: 'tiny', backend: { name: 'webgpu' } });
    expect(result.caveat).toBe(result.backend.hardware ? '' : 'software Vulkan: not a GPU figure');
    // The first run leaves RoPE's cached table of angles, a second one nothing more.
    const before = tf.memory().numTensors;
    await benchGpu({ size: 'tiny', seconds: 0 });
    expect(tf.memory().numTensors).toBe(before);
  });
}, ['webgpu']);

test('work is counted by hand for the tiny sizes', () => {
  const work = Object.fromEntries(
    benchCases('tiny').map((make) => {
      const { name, bytes, flops, dispose } = make();
      dispose();
      return [name, { bytes, flops }];
    }),
  );
  // 4 rows of 32: x in, y out, gain in.
  expect(work['rmsNorm forward']).toEqual({ bytes: 4 * (128 + 128 + 32), flops: 4 * 128 });
  expect(work['rmsNorm forward + gradient']).toEqual({ bytes: 4 * (5 * 128 + 3 * 32), flops: 13 * 128 });
  // Gain and bias in, their gradients out, gain in once more.
  expect(work['layerNorm forward + gradient']!.bytes).toBe(4 * (5 * 128 + 5 * 32));
  expect(work['softmax forward']).toEqual({ bytes: 4 * 256, flops: 5 * 128 });
  // 2 rows of 33 logits and 2 targets in; with the gradient the same again, and 66 out.
  expect(work['crossEntropy forward']!.bytes).toBe(4 * (66 + 2));
  expect(work['crossEntropy forward + gradient']!.bytes).toBe(4 * (3 * 66 + 4));
  // 1 head of 4 positions of 8 features: x in, y out, cosine and sine per pair.
  expect(work['rope half']).toEqual({ bytes: 4 * (32 + 32 + 32), flops: 3 * 32 });
  expect(work['swiglu forward + gradient']!.bytes).toBe(4 * 32 * (3 + 5));
  expect(work['adamW step']!.bytes).toBe(4 * 32 * (4 + 3));
  // Two bytes per number: x in, y out; M 9, N 8, K 12.
  if (work['softmax f16 forward']) {
    expect(work['softmax f16 forward']).toEqual({ bytes: 2 * 256, flops: 5 * 128 });
    expect(work['matmul f16 forward']).toEqual({ bytes: 2 * (108 + 96 + 72), flops: 2 * 9 * 8 * 12 });
  }
  // H 2, K 1, T 16, D 8: q and output 256 each, k and v 128 each; half of 4·2·16·16·8 operations.
  const forward = work['attention forward']!;
  expect(forward).toEqual({ bytes: 4 * (256 + 256 + 128 + 128), flops: 8192 });
  const gradient = work['attention forward + gradient']!;
  expect(gradient.flops).toBe(3.5 * 8192);
  expect(gradient.bytes).toBe(forward.bytes + 4 * (4 * 256 + 4 * 128));
  // One query of 2 heads in, one output; 100 keys and values of one head.
  expect(work['attention decode']).toEqual({ bytes: 4 * (16 + 16 + 1600), flops: 4 * 2 * 100 * 8 });
});

describe('Markdown', () => {
  const spread = (median: number) => ({ median, low: median * 0.95, high: median * 1.05, samples: 9 });
  const folder = mkdtempSync(join(tmpdir(), 'kernelbook-torch-'));
  afterAll(() => rmSync(folder, { recursive: true }));
  /** Stands for an interpreter: whatever it is given, it runs this line of shell. */
  const python = (line: string) => {
    const file = join(mkdtempSync(join(folder, 'python-')), 'python');
    writeFileSync(file, `#!/bin/sh\n${line}\n`, { mode: 0o755 });
    return file;
  };
  const way = (median: number, peakBytes: number) => ({ time: spread(median), peakBytes });
  const result: BenchResult = {
    measuredAt: '2026-01-01T00:00:00.000Z',
    commit: 'abc',
    command: 'kernelbook bench gpu',
    backend: { name: 'webgpu', device: 'A|B <i>', driver: 'x', hardware: false, features: [] },
    caveat: 'software Vulkan: not a GPU figure',
    machine: { platform: 'linux x64', cpu: 'CPU', threads: 2, node: '20' },
    size: 'small',
    ceilings: {
      copyBytesPerSecond: 1e9,
      matmulFlopsPerSecond: 2e9,
      copyBytes: 1e6,
      matmulSize: 128,
      measuredAt: '',
    },
    rows: [
      {
        name: 'rope half',
        op: 'rope half',
        gradient: false,
        sizes: { T: 4 },
        shape: 'T 4',
        bytes: 1e6,
        flops: 1e6,
        path: 'rope.half',
        method: 'timestamps',
        fused: way(0.002, 1e6),
        composed: way(0.004, 5e6),
        speedup: 2,
        bytesPerSecond: 5e8,
        flopsPerSecond: 5e8,
        share: 0.5,
        limit: 'copy',
      },
      {
        name: 'attention',
        op: 'attention',
        gradient: false,
        sizes: { T: 9 },
        shape: 'T 9',
        bytes: 1e6,
        flops: 1e6,
        path: 'attention.forward',
        method: 'timestamps',
        fused: way(0.002, 1e6),
        plain: way(0.006, 4e6),
        bytesPerSecond: 5e8,
        flopsPerSecond: 5e8,
        share: 0.25,
        limit: 'matmul',
        note: 'the composed form did not run: out of memory',
      },
    ],
  };

  test('says what was measured, where and how, and that it is no GPU', () => {
    const text = benchMarkdown(result);
    expect(text).toContain('**software Vulkan: not a GPU figure.**');
    expect(text).toContain(
      '| rope half | T 4 | 2 ms (± 5 %) | 4 ms (± 5 %) | 2 × | none | 500 MB/s | 500 MFLOP/s | 50 % (copy) |',
    );
    expect(text).toContain('| rope half | T 4 | 1 MB | 5 MB | 20 % | none |');
    expect(text).toContain('| attention | T 9 | 1 MB | none |  | 4 MB |');
    expect(text).not.toContain('PyTorch');
    expect(text).toContain('- attention (T 9): the composed form did not run: out of memory');
    expect(text).toContain('commit: abc');
    expect(text).toContain('`kernelbook bench gpu`');
  });

  test('says which targets were met; rows that cannot show one are left out', () => {
    const row = (changes: object) => ({ ...result.rows[0]!, gradient: false, ...changes });
    const text = benchMarkdown({
      ...result,
      rows: [
        row({ name: 'attention', op: 'attention', sizes: { T: 2048 }, speedup: 3.5 }),
        row({ name: 'rmsNorm', op: 'rmsNorm', gradient: true, speedup: 1.9 }),
        row({ name: 'attention', op: 'attention', sizes: { T: 2048 }, composed: undefined }),
      ],
    });
    expect(text).toContain(
      '| attention forward at T = 2048: at least 3 × as fast | attention (T 4) | 3.5 × | met |',
    );
    expect(text).toContain('at most 1 % of the memory | attention (T 4) | 20 % | missed |');
    expect(text).toContain('at least 2 × as fast | rmsNorm (T 4) | 1.9 × | missed |');
    expect(text.match(/\| (met|missed) \|/g)).toHaveLength(3);
    expect(benchMarkdown(result)).not.toContain('| target |');
  });

  test('has PyTorch beside the kernels, or the reason why not', async () => {
    expect(benchMarkdown({ ...result, torch: 'skipped: no module' })).toContain(
      'PyTorch: skipped: no module',
    );
    const times = { eager: spread(0.004), compile: spread(0.001) };
    const [first] = result.rows;
    const beside = { ...result, torch: 'PyTorch 2', rows: [{ ...first!, torch: times }] };
    expect(benchMarkdown(beside)).toContain(
      '| rope half | T 4 | 2 ms (± 5 %) | 4 ms (± 5 %) | none | 1 ms (± 5 %) | 2 |',
    );
    const missing = await withTorch(result, join(folder, 'no-python'));
    expect(missing.torch).toMatch(/^skipped: .*no-python does not start/);
    expect((await withTorch(result, python("echo 'No module named torch' >&2; exit 1"))).torch).toMatch(
      /ended with status 1: No module named torch/,
    );
    const answer = JSON.stringify({ device: 'PyTorch 9', rows: [{}, { sdpa: spread(0.5) }] });
    const { torch, rows } = await withTorch(result, python(`cat >/dev/null; echo warning; echo '${answer}'`));
    expect([torch, rows[1]!.torch?.sdpa?.median]).toEqual(['PyTorch 9', 0.5]);
  });

  // A stand-in for the package: the script must find it, and not a file of its own folder.
  test('imports the PyTorch of the Python it is given', async () => {
    mkdirSync(join(folder, 'torch', 'nn'), { recursive: true });
    writeFileSync(
      join(folder, 'torch', '__init__.py'),
      [
        'class Anything:',
        '    def __getattr__(self, name): return Anything()',
        '    def __call__(self, *given): return False',
        'backends = cuda = manual_seed = float32 = Anything()',
        "__version__ = 'stand-in'",
      ].join('\n'),
    );
    writeFileSync(join(folder, 'torch', 'nn', '__init__.py'), '');
    writeFileSync(join(folder, 'torch', 'nn', 'functional.py'), '');
    const stub = python(`PYTHONPATH='${folder}' exec python3 "$@"`);
    expect((await withTorch({ ...result, rows: [] }, stub)).torch).toBe('PyTorch stand-in on CPU');
  });

  const python3 = process.env.KERNELBOOK_TORCH_PYTHON ?? 'python3';
  const { error, stderr } = spawnSync(python3, ['-c', 'import torch'], { encoding: 'utf8' });
  const absent = error?.message ?? stderr.trim().split('\n').at(-1)!;
  test.skipIf(absent)(
    `runs PyTorch eagerly, fused and compiled${absent && ` ${skipNote('PyTorch', `${python3}: ${absent}`)}`}`,
    async () => {
      const [first] = result.rows;
      const attention = { ...first!, op: 'attention', gradient: true, sizes: { H: 2, K: 1, T: 16, D: 8 } };
      const { torch, rows } = await withTorch({ ...result, rows: [attention] }, python3, 0);
      expect(torch).toMatch(/^PyTorch \d/);
      expect(Object.keys(rows[0]!.torch!)).toEqual(['eager', 'sdpa', 'compile']);
    },
  );

  test('markup in a device name stays text', () => {
    expect(benchMarkdown(result)).toContain('A\\|B \\<i\\>');
  });
});
