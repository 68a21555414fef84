import { describe, expect, it } from 'vitest';
import { type NdArray, sizeOf } from '../../../../src/compute/ndarray.js';
import { fromNdArray, read } from '../../../../src/compute/read.js';
import { tf } from '../../../../src/compute/tf.js';
import { adapt } from '../../../../src/models/llama/adapt/adapted-llama.js';
import { linearShapes } from '../../../../src/models/llama/adapt/modules.js';
import { Llama } from '../../../../src/models/llama/llama.js';
import { trainLlama } from '../../../../src/models/llama/train.js';
import { randomLlama } from '../../../../src/models/llama/weights.js';
import { dequantizeNf4Oracle, quantizeNf4 } from '../../../../src/training/fine-tuning/nf4/nf4-format.js';
import { llamaErrors } from '../../../../src/workbench/golden/bounds/llama.js';
import { compare } from '../../../../src/workbench/golden/run.js';
import { eachBackend } from '../../../compute/backends.js';
import { leaked } from '../../../support/numeric.js';
import { config, randomise, tokens } from './setup.js';

const arrays = randomLlama(config, 5, 0.4);
const frozen = [...linearShapes(config).keys()]
  .filter((name) => name !== 'lm_head')
  .map((name) => `${name}.weight`);

/** The weights that a quantised model computes with. */
const rounded = new Map(
  [...arrays].map(([name, array]): [string, NdArray] => [
    name,
    frozen.includes(name) ? dequantizeNf4Oracle(quantizeNf4(array)) : array,
  ]),
);

eachBackend(() => {
  describe('a Llama in NF4', () => {
    it('gives the logits of its dequantised weights within the bounds, and trains adapters', async () => {
      const model = new Llama(config, arrays);
      await model.quantize();
      const ids = tokens([2, 5]);
      const input = fromNdArray(ids, 'int32');
      const logits = await read(model.forward(input));
      const bounds = llamaErrors(config, rounded, ids);
      const result = compare(logits, bounds.value.data, bounds.error.data);
      expect(result.outside, `${result.error} against ${result.bound}`).toBe(false);

      // Every adapter gets the gradient that it has beside the same weights in float32.
      const floats = new Llama(config, rounded);
      const gradients = await Promise.all(
        [model, floats].map(async (base) => {
          const adapted = await adapt(base, { method: 'lora', rank: 2, targets: 'all-linear' });
          randomise(adapted.adapter());
          expect(leaked(() => adapted.forward(input))).toBe(0);
          const { grads } = tf.variableGrads(() => adapted.loss(input) as tf.Scalar, adapted.parameters);
          const values = [];
          for (const { name } of adapted.parameters) values.push(...(await read(grads[name]!)));
          adapted.dispose();
          return values;
        }),
      );
      const largest = Math.max(...gradients[1]!.map(Math.abs));
      expect(Math.max(...gradients[0]!.map((g, n) => Math.abs(g - gradients[1]![n]!)))).toBeLessThan(
        1e-4 * largest,
      );

      const adapted = await adapt(model, { method: 'lora', rank: 2, targets: 'all-linear' });
      const text = Array.from({ length: 40 }, (_, n) => (3 * n) % 7);
      const losses = await trainLlama(adapted, text, { steps: 15, batch: 4, length: 6, learningRate: 0.02 });
      expect(losses.at(-1)!).toBeLessThan(losses[0]! - 0.1);
      expect([...(await read(model.forward(input)))]).toEqual([...logits]);
      expect(() => adapted.merge()).toThrow(/q_proj.weight' is quantised/);
      adapted.dispose();
      model.dispose();
      floats.dispose();
    });
  });
});

describe('the memory of a Llama in NF4', () => {
  it('is half a byte and one scale per 64 numbers, and less with double quantisation', async () => {
    const wide = { ...config, C: 64, F: 128, H: 4, K: 2, D: 16, rope: { head_dim: 16 } };
    const all = randomLlama(wide, 1);
    const linear = [...linearShapes(wide)].filter(([name]) => name !== 'lm_head');
    const weights = linear.reduce((sum, [, shape]) => sum + sizeOf(shape), 0);
    const rest = 4 * ([...all.values()].reduce((sum, { shape }) => sum + sizeOf(shape), 0) - weights);
    const before = tf.memory().numBytes;
    const model = new Llama(wide, all);
    expect(model.bytes).toBe(rest + 4 * weights);
    expect(tf.memory().numBytes - before).toBe(model.bytes);
    await model.quantize();
    // Two numbers per weight stand for the map and the codes of scales that it does not have.
    expect(model.bytes).toBe(rest + weights / 2 + (4 * weights) / 64 + linear.length * 2 * 4);
    expect(tf.memory().numBytes - before).toBe(model.bytes);
    model.dispose();
    const double = new Llama(wide, all);
    await double.quantize({ doubleQuantization: true });
    // Blocks of 256 scales are whole, and each weight has its map of 256 numbers.
    const blocks = linear.reduce((sum, [, shape]) => sum + Math.ceil(sizeOf(shape) / 64 / 256), 0);
    expect(double.bytes).toBe(rest + weights / 2 + blocks * (256 + 4) + linear.length * 256 * 4);
    expect(tf.memory().numBytes - before).toBe(double.bytes);
    double.dispose();
  });
});
