/** The benchmark measures what it says: fused kernels that ran, composed forms without any, figures that follow. */
import { describe, expect, test } from 'vitest';
import { type BenchResult, benchGpu } from '../../scripts/bench/bench-gpu.js';
import { benchCases } from '../../scripts/bench/cases.js';
import { benchMarkdown } from '../../scripts/bench/markdown.js';
import { tf } from '../../src/compute/tf.js';
import { eachBackend } from '../compute/backends.js';

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
    expect(result.rows.map(({ name, path }) => [name, path])).toEqual([
      ['rmsNorm forward', 'rmsNorm.forward'],
      ['rmsNorm forward + gradient', 'rmsNorm.forward, rmsNorm.backward'],
      ['rope interleaved', 'rope.interleaved'],
      ['rope half', 'rope.half'],
      ['attention forward', 'attention.forward'],
      [
        'attention forward + gradient',
        expect.stringMatching(/attention\.forward.*attention\.queryGradient.*keyGradient/),
      ],
    ]);
    for (const { fused, composed, speedup, bytes, bytesPerSecond, note } of result.rows) {
      expect(note).toBeUndefined();
      expect(speedup).toBeCloseTo(composed!.median / fused.median, 9);
      expect(bytesPerSecond).toBeCloseTo(bytes / fused.median, 3);
    }
    expect(result).toMatchObject({ commit: 'abc', size: 'tiny', backend: { name: 'webgpu' } });
    expect(result.caveat).toBe(result.backend.hardware ? '' : 'software Vulkan: not a GPU figure');
    // The first run leaves RoPE's cached table of angles, a second one nothing more.
    const before = tf.memory().numTensors;
    await benchGpu({ size: 'tiny', seconds: 0 });
    expect(tf.memory().numTensors).toBe(before);
  }, 120_000);
}, ['webgpu']);

test('work is counted by hand for the tiny sizes', () => {
  const [norm, normGradient, rotary, , forward, gradient] = benchCases('tiny').map((make) => {
    const { bytes, flops, dispose } = make();
    dispose();
    return { bytes, flops };
  });
  // 4 rows of 32: x in, y out, gain in.
  expect(norm).toEqual({ bytes: 4 * (128 + 128 + 32), flops: 4 * 128 });
  expect(normGradient).toEqual({ bytes: 4 * (5 * 128 + 3 * 32), flops: 13 * 128 });
  // 1 head of 4 positions of 8 features: x in, y out, cosine and sine per pair.
  expect(rotary).toEqual({ bytes: 4 * (32 + 32 + 32), flops: 3 * 32 });
  // H 2, K 1, T 8, D 8: q and output 128 each, k and v 64 each; half of 4·2·8·8·8 operations.
  expect(forward).toEqual({ bytes: 4 * (128 + 128 + 64 + 64), flops: 2048 });
  expect(gradient!.flops).toBe(3.5 * 2048);
  expect(gradient!.bytes).toBe(forward!.bytes + 4 * (4 * 128 + 4 * 64));
});

describe('Markdown', () => {
  const spread = { median: 0.002, low: 0.0019, high: 0.0021, samples: 9 };
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
        shape: 'T 4',
        bytes: 1e6,
        flops: 1e6,
        path: 'rope.half',
        method: 'timestamps',
        fused: spread,
        composed: { ...spread, median: 0.004 },
        speedup: 2,
        bytesPerSecond: 5e8,
        flopsPerSecond: 5e8,
        share: 0.5,
        limit: 'copy',
      },
      {
        name: 'attention',
        shape: 'T 9',
        bytes: 1e6,
        flops: 1e6,
        path: 'attention.forward',
        method: 'timestamps',
        fused: spread,
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
      '| rope half | T 4 | 2 ms (± 5 %) | 4 ms (± 2.5 %) | 2 × | 500 MB/s | 500 MFLOP/s | 50 % (copy) |',
    );
    expect(text).toContain('- attention (T 9): the composed form did not run: out of memory');
    expect(text).toContain('commit: abc');
    expect(text).toContain('`kernelbook bench gpu`');
  });

  test('markup in a device name stays text', () => {
    expect(benchMarkdown(result)).toContain('A\\|B \\<i\\>');
  });
});
