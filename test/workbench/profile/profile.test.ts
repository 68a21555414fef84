/**
 * profile on every backend: the path reported is the one that ran, rates follow from time and work, nothing leaks.
 * No test depends on how fast the machine is.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { useBackend } from '../../../src/compute/backend.js';
import { tf } from '../../../src/compute/tf.js';
import { rmsNorm } from '../../../src/layers/norm/index.js';
import {
  type Ceilings,
  caveat,
  ProfileReport,
  profile,
  profileMimeType,
  recordedResults,
  roofline,
} from '../../../src/workbench/profile/index.js';
import { measure, spread } from '../../../src/workbench/profile/measure.js';
import { watchPath } from '../../../src/workbench/profile/path-taken.js';
import { eachBackend } from '../../compute/backends.js';

const ceiling: Ceilings = {
  copyBytesPerSecond: 1e9,
  matmulFlopsPerSecond: 8e9,
  copyBytes: 2 ** 20,
  matmulSize: 128,
  measuredAt: '2026-01-01T00:00:00.000Z',
};

eachBackend((name) => {
  let x: tf.Tensor;
  let gain: tf.Tensor;
  beforeAll(async () => {
    await useBackend(name);
    x = tf.randomNormal([8, 64]);
    gain = tf.ones([64]);
  });

  test('names the path that ran, and leaves no tensor behind', async () => {
    const before = tf.memory().numTensors;
    const report = await profile('rmsNorm', () => rmsNorm(x, gain), {
      seconds: 0,
      compare: { composed: () => rmsNorm(x, gain, { path: 'composed' }) },
    });
    const [auto, composed] = report.facts.measurements;
    const text = String(report.toMimeBundle()['text/plain']);
    expect(auto!.path).toBe(name === 'webgpu' ? 'fused: rmsNorm.forward' : 'composed');
    if (name === 'webgpu') {
      expect(composed!.path).toBe('composed');
      expect(report.facts.equal).toBeUndefined();
    } else {
      // The same work twice is not timed twice.
      expect(composed).toBeUndefined();
      expect(report.facts.equal).toEqual([{ name: 'composed', path: 'composed' }]);
      expect(text).toContain(
        `not timed: composed is here the same work as rmsNorm (no fused kernel runs on ${name})`,
      );
      expect(text.split('\n')[1]).not.toContain('path');
    }
    expect(auto!.wall.median).toBeGreaterThan(0);
    expect(auto!.wall.samples).toBe(3);
    expect(tf.memory().numTensors).toBe(before);
    expect(report.facts.backend.name).toBe(name);
  });

  test('device time and kernels come from timestamps where there are any', async () => {
    const { facts } = await profile('product', () => tf.matMul(tf.ones([64, 64]), tf.ones([64, 64])), {
      seconds: 0,
    });
    const [one] = facts.measurements;
    expect(facts.backend.name).toBe(name);
    if (facts.backend.features.includes('timestamp-query')) {
      expect(one!.device!.median).toBeGreaterThan(0);
      expect(one!.kernels.map(({ name: kernel }) => kernel).join()).toMatch(/MatMul/i);
      const total = one!.kernels.reduce((sum, { seconds }) => sum + seconds, 0);
      expect(total).toBeGreaterThan(0);
    } else {
      expect(one!.device).toBeUndefined();
      expect(one!.kernels).toEqual([]);
    }
  });
});

describe('on the cpu backend', () => {
  beforeEach(async () => {
    await useBackend('cpu');
  });

  test('an asynchronous computation is awaited, errors come through, the scope is closed', async () => {
    const before = tf.memory().numTensors;
    let finished = 0;
    await profile(
      'slow',
      async () => {
        tf.ones([3]);
        await new Promise((resolve) => setTimeout(resolve, 1));
        finished++;
      },
      { seconds: 0, warmup: 1 },
    );
    expect(finished).toBe(4);
    const broken = profile('broken', () => {
      tf.ones([3]);
      throw new Error('no such kernel');
    });
    await expect(broken).rejects.toThrow(/^no such kernel$/);
    expect(tf.memory().numTensors).toBe(before);
  });

  test('ways are interleaved, and the first one changes every round', async () => {
    const order: string[] = [];
    const note = (way: string) => () => void order.push(way);
    await measure({ a: note('a'), b: note('b') }, { seconds: 0, warmup: 1 });
    expect(order.join('')).toBe('ab' + 'ab' + 'ba' + 'ab');
  });

  test('other work is timed, though nothing of it is fused: other shapes, attributes, kernels', async () => {
    const x = tf.ones([4, 6]);
    const { facts } = await profile('sum', () => tf.sum(x, 0), {
      seconds: 0,
      compare: {
        'the other axis': () => tf.sum(x, 1),
        mean: () => tf.mean(x, 0),
        half: () => tf.sum(tf.slice(x, [0, 0], [2, 6]), 0),
        again: () => tf.sum(x, 0),
      },
    });
    expect(facts.measurements.map(({ name }) => name)).toEqual(['sum', 'the other axis', 'mean', 'half']);
    expect(facts.equal).toEqual([{ name: 'again', path: 'composed' }]);
  });

  test('work outside the engine is never taken for equal', async () => {
    const { facts } = await profile('loop', () => 1 + 1, { seconds: 0, compare: { other: () => 2 + 2 } });
    expect(facts.measurements).toHaveLength(2);
  });

  test('what was recorded on another device stands apart, labelled', async () => {
    const recorded = await recordedResults('rmsNorm');
    expect(recorded.length).toBeGreaterThan(0);
    const report = await profile('rmsNorm', () => tf.ones([2]), { seconds: 0, recorded });
    const text = String(report.toMimeBundle()['text/plain']);
    const [, below] = text.split('recorded elsewhere');
    for (const { device, driver, hardware, commit } of recorded) {
      expect(below).toContain(hardware ? device : `${device}: software, not a GPU figure`);
      expect(below).toContain(driver);
      expect(below).toContain(commit);
    }
    expect(report.facts.measurements).toHaveLength(1);
    const gradients = await recordedResults('rmsNorm', { gradient: true });
    expect(gradients.every(({ name }) => name.includes('gradient'))).toBe(true);
  });

  test('a file that is no result of the bench is named', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'kernelbook-results-'));
    await writeFile(join(folder, 'bench-gpu-broken.json'), '{"rows": 3}');
    await expect(recordedResults('x', { folder })).rejects.toThrow(
      'bench-gpu-broken.json holds no results of',
    );
    await rm(folder, { recursive: true });
  });

  test('senseless options are refused by name', async () => {
    const nothing = () => undefined;
    await expect(profile('x', nothing, { bytes: Number.NaN })).rejects.toThrow(
      'profile(x): bytes must be a finite number',
    );
    await expect(profile('x', nothing, { flops: -1 })).rejects.toThrow(
      'flops must be a finite number >= 0, got -1',
    );
    await expect(profile('x', nothing, { warmup: 0.5 })).rejects.toThrow(
      'warmup must be 0, 1, 2, …, got 0.5',
    );
    await expect(profile('x', nothing, { seconds: -1 })).rejects.toThrow(
      'seconds must be a number >= 0, got -1',
    );
    await expect(profile('x', nothing, { compare: { x: nothing } })).rejects.toThrow(
      'must not use the name x again',
    );
  });

  test('a report names device and method, and says that it is no GPU', async () => {
    const bundle = (await profile('<b>', () => tf.ones([2]), { seconds: 0 })).toMimeBundle();
    expect(bundle['text/plain']).toMatch(/cpu on CPU, JavaScript.*; CPU: not a GPU figure/);
    expect(bundle['text/plain']).toContain('wall time until the engine is idle');
    expect(String(bundle['text/html'])).not.toContain('<b>');
    expect(bundle[profileMimeType]).toMatchObject({ name: '<b>', caveat: 'CPU: not a GPU figure' });
    expect(JSON.parse(JSON.stringify(bundle[profileMimeType]))).toEqual(bundle[profileMimeType]);
  });
});

describe('rates', () => {
  const backend = async () => useBackend('cpu');
  const report = async (bytes: number | undefined, flops: number | undefined, seconds = 1) =>
    new ProfileReport({
      name: 'made up',
      backend: await backend(),
      measurements: [{ name: 'made up', path: 'composed', wall: spread([seconds]), kernels: [] }],
      bytes,
      flops,
      ceilings: ceiling,
      measuredAt: ceiling.measuredAt,
    });
  const ratesOf = (one: ProfileReport) => one.rates(one.facts.measurements[0]!);

  test('below the ridge the copy is the limit, above it the matmul', async () => {
    // The ridge of these ceilings lies at 8 FLOP per byte.
    expect(ratesOf(await report(5e8, 1e9))).toMatchObject({
      bytesPerSecond: 5e8,
      intensity: 2,
      share: 0.5,
      limit: 'copy',
    });
    expect(ratesOf(await report(1e8, 2e9))).toMatchObject({
      flopsPerSecond: 2e9,
      intensity: 20,
      share: 0.25,
      limit: 'matmul',
    });
  });

  test('one kind of work is enough for a share', async () => {
    expect(ratesOf(await report(1e9, undefined, 2))).toMatchObject({ share: 0.5, limit: 'copy' });
    expect(ratesOf(await report(undefined, 4e9))).toMatchObject({ share: 0.5, limit: 'matmul' });
  });

  test('the roofline has its ridge at the ceilings and the points at their rates', async () => {
    const figure = (await report(1e8, 2e9)).roofline();
    const [roof, point] = figure.data;
    expect(roof!.x![1]).toBe(8);
    expect(roof!.y!.slice(1)).toEqual([8e9, 8e9]);
    expect(roof!.y![0]).toBeCloseTo(1e9 * Number(roof!.x![0]), 3);
    expect([point!.x, point!.y]).toEqual([[20], [2e9]]);
    expect(JSON.stringify(figure.layout)).toContain('CPU: not a GPU figure');
  });

  test('a roofline needs bytes and flops, from one device', async () => {
    const incomplete = await report(1e8, undefined);
    expect(() => incomplete.roofline()).toThrow('profile(made up) needs both bytes and flops');
    expect(() => roofline([])).toThrow('no report was given');
    const here = await report(1e8, 1e8);
    const there = new ProfileReport({
      ...here.facts,
      backend: { ...here.facts.backend, device: 'other' } as typeof here.facts.backend,
    });
    expect(() => roofline([here, there])).toThrow('different devices, CPU and other');
  });
});

test('spread gives median and quartiles', () => {
  expect(spread([5, 1, 3, 2, 4])).toEqual({ median: 3, low: 2, high: 4, samples: 5 });
  expect(spread([1, 2])).toEqual({ median: 1.5, low: 1.25, high: 1.75, samples: 2 });
});

test('caveats', async () => {
  const info = await useBackend('cpu');
  const like = (change: object) => caveat({ ...info, ...change } as typeof info);
  expect(like({})).toBe('CPU: not a GPU figure');
  expect(like({ name: 'webgpu' })).toBe('software Vulkan: not a GPU figure');
  expect(like({ name: 'webgpu', hardware: true })).toBe('');
});

test('watching a path does not disturb another watcher', () => {
  const outer = watchPath();
  expect(watchPath()()).toBe('composed');
  expect(outer()).toBe('composed');
});
