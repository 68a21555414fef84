/** The loss scale over a long run, and gradients on their way back, on every backend. */
import { describe, expect, it } from 'vitest';
import { seededUniform } from '../../../src/compute/random.js';
import { read } from '../../../src/compute/read.js';
import { tf } from '../../../src/compute/tf.js';
import { LossScaler } from '../../../src/training/precision/index.js';
import { eachBackend } from '../../compute/backends.js';

it('follows the rule over 300 steps: back at overflow, on after clean steps in a row', () => {
  const uniform = seededUniform(5);
  const scaler = new LossScaler({ initScale: 2 ** 12, growthInterval: 7, minScale: 2 ** 3 });
  // Gradients overflow half precision where the scale times their size is too large; their size changes along the way.
  const overflows: boolean[] = [];
  const scales: number[] = [];
  for (let step = 0; step < 300; step++) {
    const size = step < 150 ? 1 : 400;
    const overflow = scaler.scale * size * (0.5 + uniform()) > 65504;
    scaler.update(overflow);
    overflows.push(overflow);
    scales.push(scaler.scale);
  }
  for (const [step, scale] of scales.entries()) {
    const before = step === 0 ? 2 ** 12 : scales[step - 1]!;
    const since = overflows.slice(0, step).lastIndexOf(true);
    const clean = step - since;
    if (overflows[step]) expect(scale).toBe(Math.max(2 ** 3, before / 2));
    else expect(scale).toBe(clean % 7 === 0 ? before * 2 : before);
  }
  expect(overflows.filter(Boolean).length).toBeGreaterThan(10);
  expect(Math.max(...scales.slice(0, 150))).toBeGreaterThan(Math.max(...scales.slice(200)));
});

it('refuses what makes no sense', () => {
  expect(() => new LossScaler({ initScale: 0 })).toThrow('initScale must be a positive float32, got 0');
  expect(() => new LossScaler({ initScale: 1e39 })).toThrow('initScale');
  expect(() => new LossScaler({ growthFactor: 0.5 })).toThrow('growthFactor must be at least 1, got 0.5');
  expect(() => new LossScaler({ backoffFactor: 1.5 })).toThrow('backoffFactor');
  expect(() => new LossScaler({ growthInterval: 0 })).toThrow('growthInterval');
  expect(() => new LossScaler({ minScale: -1 })).toThrow('minScale');
});

eachBackend(() => {
  it('gradients are divided, and what is not finite in any of them is found', async () => {
    const scaler = new LossScaler({ initScale: 2 ** 10 });
    const before = tf.memory().numTensors;
    for (const [bad, overflow] of [
      [3, false],
      [Infinity, true],
      [-Infinity, true],
      [NaN, true],
    ] as const) {
      const given = [tf.tensor1d([2 ** 10, -(2 ** 9)]), tf.tensor1d([bad])];
      const found = await scaler.unscale(given);
      expect(found.overflow).toBe(overflow);
      expect([...(await read(found.gradients[0]!))]).toEqual([1, -0.5]);
      tf.dispose([given, found.gradients]);
    }
    expect((await scaler.unscale([])).overflow).toBe(false);
    expect(tf.memory().numTensors).toBe(before);
  });
});

describe('a static scale', () => {
  it('stays', () => {
    const scaler = new LossScaler({ initScale: 128, growthFactor: 1, backoffFactor: 1 });
    for (const overflow of [false, true, false]) scaler.update(overflow);
    expect(scaler.scale).toBe(128);
  });
});
