import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { tf } from '../../../src/compute/tf.js';
import {
  currentCellKey,
  type DisplayOptions,
  type MimeBundle,
  publisherKey,
} from '../../../src/display/display.js';
import { TrainingMonitor } from '../../../src/workbench/monitor/training-monitor.js';
import { plotlyMimeType } from '../../../src/workbench/plot/figure.js';

/** A clock that goes on by what it is told. */
function clock() {
  let now = 5000;
  return { read: () => now, pass: (ms: number) => (now += ms) };
}

function terminal(isTTY: boolean) {
  const written: string[] = [];
  return { isTTY, write: (text: string) => written.push(text), written };
}

const scratch: string[] = [];
afterEach(() => {
  for (const folder of scratch.splice(0)) rmSync(folder, { recursive: true });
  Reflect.deleteProperty(globalThis, publisherKey);
  Reflect.deleteProperty(globalThis, currentCellKey);
});

describe('a training monitor', () => {
  it('tells throughput over the last ten steps, utilisation and memory', () => {
    const { read, pass } = clock();
    const monitor = new TrainingMonitor({
      clock: read,
      flopsPerToken: 1000,
      peakFlopsPerSecond: 1e6,
      terminal: terminal(false),
    });
    const held = tf.ones([1000]);
    pass(3000);
    const first = monitor.record({ loss: 3, tokens: 50 });
    expect(first).toMatchObject({ step: 1, loss: 3, seconds: 3 });
    expect(first.bytes).toBeGreaterThanOrEqual(4000);
    expect(first.tokensPerSecond).toBeUndefined();
    pass(500);
    // The first step took long; what it did is in neither.
    expect(monitor.record({ loss: 2, tokens: 100 })).toMatchObject({
      tokensPerSecond: 200,
      utilization: 0.2,
    });
    for (let n = 0; n < 10; n++) {
      pass(n === 0 ? 600 : 100);
      monitor.record({ loss: 1, tokens: 40 });
    }
    expect(monitor.records.at(-1)!.tokensPerSecond).toBeCloseTo(400 / 1.5, 8);
    expect(monitor.line()).toMatch(/^step 12, loss 1, 267 tokens\/s, 26.7 % of peak, [\d.]+ kB$/);
    pass(100);
    expect(monitor.record({ loss: 1 }).tokensPerSecond).toBeUndefined();
    held.dispose();
  });

  it('writes a JSON line per step, with everything that was told', () => {
    const folder = mkdtempSync(join(tmpdir(), 'monitor-'));
    scratch.push(folder);
    const file = join(folder, 'run.jsonl');
    for (let run = 0; run < 2; run++) {
      const { read, pass } = clock();
      const monitor = new TrainingMonitor({ clock: read, file, terminal: terminal(false) });
      monitor.record({ loss: 3, learningRate: 0.1, gradientNorm: 7 });
      pass(250);
      monitor.record({ loss: Number.NaN });
    }
    const lines = readFileSync(file, 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(lines).toEqual([
      expect.objectContaining({ step: 1, loss: 3, learningRate: 0.1, gradientNorm: 7, seconds: 0 }),
      expect.objectContaining({ step: 2, loss: 'NaN', seconds: 0.25 }),
    ]);
  });

  it('writes over one line in a terminal, and the last one only elsewhere', async () => {
    for (const isTTY of [true, false]) {
      const { read, pass } = clock();
      const out = terminal(isTTY);
      const monitor = new TrainingMonitor({ clock: read, steps: 3, terminal: out });
      for (const loss of [3, 2, 1]) {
        monitor.record({ loss, learningRate: 0.25, tokens: 10 });
        pass(300);
      }
      expect(out.written.map((text) => text.replace(/, [\d.]+ k?B$/, ''))).toEqual(
        isTTY
          ? [
              '\r\u001b[Kstep 1 of 3, loss 3, learning rate 0.25',
              '\r\u001b[Kstep 3 of 3, loss 1, learning rate 0.25, 33.3 tokens/s',
            ]
          : [],
      );
      await monitor.finish();
      expect(out.written.at(-1)).toMatch(
        /step 3 of 3, loss 1, learning rate 0.25, 33.3 tokens\/s, .* k?B\n$/,
      );
    }
  });

  it('draws in a notebook what it replaces while it runs, and ends with an interactive figure', async () => {
    const published: { bundle: MimeBundle; options: DisplayOptions }[] = [];
    const marked: object[] = [];
    Object.assign(globalThis, {
      [publisherKey]: async (value: { toMimeBundle(): MimeBundle }, options: DisplayOptions) => {
        published.push({ bundle: value.toMimeBundle(), options });
      },
      [currentCellKey]: () => ({ shown: (value: object) => marked.push(value) }),
    });
    const { read, pass } = clock();
    const monitor = new TrainingMonitor({ clock: read, title: 'A run', everyMs: 100 });
    for (let n = 0; n < 5; n++) {
      monitor.record({ loss: 5 - n, learningRate: 0.1 });
      pass(60);
    }
    await monitor.finish();
    expect(published.map(({ options }) => options.update)).toEqual([false, true, true, true]);
    expect(new Set(published.map(({ options }) => options.displayId)).size).toBe(1);
    expect(marked.every((value) => value === monitor)).toBe(true);
    expect(published[0]!.bundle['text/plain']).toMatch(/^step 1, loss 5, learning rate 0.1/);
    expect(published[0]!.bundle[plotlyMimeType]).toBeUndefined();
    expect(published[1]!.bundle['image/svg+xml']).toContain('A run');
    const last = published.at(-1)!.bundle[plotlyMimeType] as { data: { x: number[]; y: number[] }[] };
    expect(last.data[0]).toMatchObject({ x: [1, 2, 3, 4, 5], y: [5, 4, 3, 2, 1] });
  });

  it('draws long runs as means of neighbours, and what else was told', () => {
    const monitor = new TrainingMonitor({ terminal: terminal(false) });
    expect(monitor.line()).toBe('no steps yet');
    for (let n = 0; n < 1000; n++) monitor.record({ loss: n, ...(n % 2 === 1 && { gradientNorm: 2 }) });
    const { x, y } = monitor.figure().data[0] as unknown as { x: number[]; y: number[] };
    expect([x.length, x[0], y[0], x.at(-1), y.at(-1)]).toEqual([334, 3, 1, 1000, 999]);
    const norms = monitor.figure('gradientNorm').data[0] as unknown as { x: number[]; y: number[] };
    expect([norms.x.length, norms.x[0], norms.y[0]]).toEqual([250, 4, 2]);
    expect(() => monitor.figure('other')).toThrow(/no step told 'other'/);
  });
});
