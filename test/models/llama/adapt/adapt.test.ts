import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type NdArray, ndarray, sizeOf } from '../../../../src/compute/ndarray.js';
import { seededNormal } from '../../../../src/compute/random.js';
import { fromNdArray, read, toNdArray } from '../../../../src/compute/read.js';
import { tf } from '../../../../src/compute/tf.js';
import {
  AdaptedLlama,
  adapt,
  loadAdapted,
  startAdapter,
} from '../../../../src/models/llama/adapt/adapted-llama.js';
import { readAdapter, storedShapes } from '../../../../src/models/llama/adapt/files.js';
import { generate } from '../../../../src/models/llama/generate.js';
import { Llama } from '../../../../src/models/llama/llama.js';
import { llamaOracle } from '../../../../src/models/llama/llama-oracle.js';
import { trainLlama } from '../../../../src/models/llama/train.js';
import { randomLlama } from '../../../../src/models/llama/weights.js';
import { crossEntropyOracle } from '../../../../src/training/loss/cross-entropy-oracle.js';
import { adaptedFormula } from '../../../../src/workbench/golden/bounds/adapted-llama.js';
import { llamaErrors, llamaLossErrors } from '../../../../src/workbench/golden/bounds/llama.js';
import { compare } from '../../../../src/workbench/golden/run.js';
import { eachBackend } from '../../../compute/backends.js';
import { leaked } from '../../../support/numeric.js';
import { config, methods, randomise, tokens } from './setup.js';

const arrays = randomLlama(config, 5, 0.4);

async function numbers(tensor: tf.Tensor): Promise<number[]> {
  const values = [...(await read(tensor))];
  tensor.dispose();
  return values;
}

async function inFolder<T>(use: (folder: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'adapter-'));
  try {
    return await use(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const largest = (values: readonly number[]) => values.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
const apart = (a: readonly number[], b: readonly number[]) => largest(a.map((x, n) => x - b[n]!));

/** Methods whose formula the bounds have: peft's. */
const formulas = Object.entries(methods).filter(
  ([, { method }]) => !['bottleneck', 'bitfit', 'weights'].includes(method),
);

eachBackend((backend) => {
  describe.each(formulas)('%s', (_name, method) => {
    it('gives the logits and the loss of its formula within the bounds, and their gradients', async () => {
      const model = new Llama(config, arrays);
      const adapted = await adapt(model, method);
      randomise(adapted.adapter());
      const ids = tokens([2, 5]);
      const file = await inFolder(async (folder) => {
        await adapted.save(folder);
        return readAdapter(folder, config);
      });
      const bounds = llamaErrors(config, arrays, ids, adaptedFormula(file, config));
      const input = fromNdArray(ids, 'int32');
      const logits = await toNdArray(adapted.forward(input));
      expect(logits.shape).toEqual(bounds.value.shape);
      const result = compare(logits.data, bounds.value.data, bounds.error.data);
      expect(result.outside, `${result.error} against ${result.bound}`).toBe(false);
      const loss = llamaLossErrors(bounds, ids);
      const [value] = await numbers(adapted.loss(input));
      expect(Math.abs(value! - loss.value.data[0]!)).toBeLessThanOrEqual(loss.error.data[0]!);

      // DoRA's gradient is not that of its formula, because norms count as constants; encoders are not in the file.
      const encoded = [...file.arrays.keys()].some((name) => !adapted.adapter().variables.has(name));
      if ((method.method === 'lora' && method.dora) || encoded) return;
      const { grads } = tf.variableGrads(() => adapted.loss(input) as tf.Scalar, adapted.parameters);
      let seed = 300;
      for (const [name, variable] of adapted.adapter().variables) {
        const direction = seededNormal(variable.shape, seed++);
        const moved = (by: number) => {
          const at = new Map(file.arrays);
          at.set(
            name,
            ndarray(
              variable.shape,
              at.get(name)!.data.map((x, n) => x + by * direction.data[n]!),
            ),
          );
          const there = llamaErrors(config, arrays, ids, adaptedFormula({ ...file, arrays: at }, config));
          return llamaLossErrors(there, ids).value.data[0]!;
        };
        const slope = (moved(1e-5) - moved(-1e-5)) / 2e-5;
        const found = await numbers(grads[variable.name]!);
        const along = found.reduce((sum, g, n) => sum + g * direction.data[n]!, 0);
        expect(Math.abs(along - slope), `${name}: ${along} against ${slope}`).toBeLessThan(
          2e-4 * (1 + Math.abs(slope)),
        );
        if (backend !== 'cpu') break;
      }
      adapted.dispose();
      model.dispose();
    });
  });

  it('several LoRA adapters add up, and rows of a batch can have their own', async () => {
    const model = new Llama(config, arrays);
    const adapted = new AdaptedLlama(model);
    adapted.add('a', await startAdapter(model, { method: 'lora', rank: 2, alpha: 3, targets: 'all-linear' }));
    adapted.add('b', await startAdapter(model, { method: 'lora', rank: 1, targets: ['q_proj', 'lm_head'] }));
    for (const name of ['a', 'b']) randomise(adapted.adapter(name));
    expect(adapted.active).toEqual(['a', 'b']);
    const ids = tokens([3, 4]);
    const input = fromNdArray(ids, 'int32');
    const both = await numbers(adapted.forward(input));
    adapted.merge();
    expect(apart(await numbers(adapted.forward(input)), both)).toBeLessThan(1e-4);
    adapted.unmerge();

    const rows = await numbers(adapted.forward(input, { rows: ['b', undefined, 'a'] }));
    const size = rows.length / 3;
    for (const [row, names] of [['b'], [], ['a']].entries()) {
      adapted.active = names;
      const alone = (await numbers(adapted.forward(input))).slice(row * size, (row + 1) * size);
      expect(apart(rows.slice(row * size, (row + 1) * size), alone)).toBeLessThan(1e-4);
    }
    const byRow = { rows: ['a', 'b', 'b'] };
    adapted.active = ['a', 'b'];
    const { grads } = tf.variableGrads(() => adapted.loss(input, byRow) as tf.Scalar, adapted.parameters);
    expect(Object.keys(grads).length).toBe(adapted.parameters.length);
    expect(() => adapted.forward(input, { rows: ['a'] })).toThrow(/for each of 3 rows, got 1/);
    expect(() => adapted.forward(input, { rows: ['a', 'b', 'c'] })).toThrow(/no adapter 'c'; there are a, b/);
    adapted.dispose();
    model.dispose();
  });
});

describe.each(Object.entries(methods))('%s', (_name, method) => {
  const changes = method.method === 'weights';
  const starts = !/prefix|prompt|p-tuning/.test(method.method);

  it('starts as the model, learns, leaves the rest alone and can be saved and loaded', async () => {
    const model = new Llama(config, arrays);
    const input = fromNdArray(tokens([2, 5]), 'int32');
    const before = await numbers(model.forward(input));
    const adapted = await adapt(model, method);
    if (starts) expect(apart(await numbers(adapted.forward(input)), before)).toBeLessThan(1e-5);
    expect(adapted.parameterCount).toBe(adapted.parameters.reduce((sum, { size }) => sum + size, 0));
    expect(adapted.parameterBytes).toBe(4 * adapted.parameterCount);

    const text = Array.from({ length: 40 }, (_, n) => (3 * n) % 7);
    const options = { steps: 40, batch: 4, length: 6, learningRate: 0.02, seed: 3 };
    const losses = await trainLlama(adapted, text, options);
    expect(losses.at(-1)!).toBeLessThan(losses[0]! - 0.1);
    expect(losses.every(Number.isFinite)).toBe(true);
    const after = await numbers(adapted.forward(input));
    if (!changes) expect(await numbers(model.forward(input))).toEqual(before);

    await inFolder(async (folder) => {
      await adapted.save(folder);
      const other = new Llama(config, arrays);
      const loaded = await loadAdapted(other, folder);
      expect(await numbers(loaded.forward(input))).toEqual(after);
      const kept = ['hidden', 'from', 'encoderLayers', 'encoder'];
      const told = Object.entries(method).filter(([name]) => !kept.includes(name));
      expect(loaded.adapter().method).toMatchObject(
        method.method === 'lora' ? { method: 'lora', rank: method.rank } : Object.fromEntries(told),
      );
      loaded.dispose();
      other.dispose();
    });
    adapted.dispose();
    model.dispose();
  });

  it('continues texts with the cache as without, and leaves no tensors behind', async () => {
    await continueTexts();
    const existing = tf.memory().numTensors;
    await continueTexts();
    expect(tf.memory().numTensors).toBe(existing);
  });

  async function continueTexts(): Promise<void> {
    const model = new Llama(config, arrays);
    const adapted = await adapt(model, method);
    if (!changes) randomise(adapted.adapter());
    const prompts = [
      [1, 2, 3],
      [5, 4, 3],
    ];
    const rows = await generate(adapted, prompts, { maxNewTokens: 4 });
    expect(await generate(adapted, prompts, { maxNewTokens: 4, cache: false })).toEqual(rows);
    const input = fromNdArray(tokens([2, 5]), 'int32');
    expect(leaked(() => adapted.forward(input))).toBe(0);
    const differentiate = () => {
      const { value, grads } = tf.variableGrads(() => adapted.loss(input) as tf.Scalar, adapted.parameters);
      return { value, ...grads };
    };
    expect(leaked(differentiate)).toBe(0);
    input.dispose();
    adapted.dispose();
    model.dispose();
  }

  it('merges into the weights and out of them, or says that it cannot', async () => {
    const model = new Llama({ ...config, attentionBias: true, feedForwardBias: true }, biased);
    const adapted = await adapt(model, method);
    const input = fromNdArray(tokens([2, 5]), 'int32');
    if (!changes) randomise(adapted.adapter());
    const before = await numbers(model.forward(input));
    const logits = await numbers(adapted.forward(input));
    if (!['lora', 'ia3', 'bitfit'].includes(method.method)) {
      expect(() => adapted.merge()).toThrow(/'default' \(.*\) is no change of weights and cannot be merged/);
    } else {
      adapted.merge();
      expect(adapted.isMerged).toBe(true);
      expect(apart(await numbers(adapted.forward(input)), logits)).toBeLessThan(1e-4 * largest(logits));
      expect(apart(await numbers(model.forward(input)), logits)).toBeLessThan(1e-4 * largest(logits));
      expect(() => adapted.merge()).toThrow(/adapters are merged; call unmerge\(\) first/);
      expect(() => adapted.forward(input, { rows: ['default', 'default'] })).toThrow(/unmerge/);
      adapted.unmerge();
      expect(await numbers(model.forward(input))).toEqual(before);
      expect(await numbers(adapted.forward(input))).toEqual(logits);
    }
    expect(() => adapted.unmerge()).toThrow(/nothing is merged/);
    input.dispose();
    adapted.dispose();
    model.dispose();
  });
});

const biased = new Map(
  [...randomLlama({ ...config, attentionBias: true, feedForwardBias: true }, 5, 0.4)].map(
    ([name, array], n): [string, NdArray] => [
      name,
      name.endsWith('.bias') ? seededNormal(array.shape, n, 0.4) : array,
    ],
  ),
);

describe('adapt', () => {
  it('trains as many numbers as the formulas say', async () => {
    const { C, F, H, K, D, layers } = config;
    const model = new Llama(config, arrays);
    const counts: [string, number][] = [
      ['LoRA', layers * 2 * (C + H * D + C + K * D)],
      ['DoRA', layers * (2 * (C + H * D) + H * D + 2 * (F + C) + C)],
      ['IA3', layers * (2 * K * D + F)],
      ['prefix tuning', 3 * layers * 2 * K * D],
      ['prompt tuning', 3 * C],
      ['Houlsby adapters', layers * 2 * (2 * 3 * C + 3 + C)],
      ['Pfeiffer adapters', layers * (2 * 2 * C + 2 + C)],
      ['BitFit', layers * (H * D + 2 * K * D + C + 2 * F + C)],
    ];
    for (const [name, count] of counts) {
      const adapted = await adapt(model, methods[name]!);
      expect(adapted.parameterCount, name).toBe(count);
      adapted.dispose();
    }
    const all = [...arrays.values()].reduce((sum, { shape }) => sum + sizeOf(shape), 0);
    expect((await adapt(model, methods['full fine-tuning']!)).parameterCount).toBe(all);
    model.dispose();
  });

  it('with A and B zero is a stationary point, with one of them random it is not', async () => {
    const model = new Llama(config, arrays);
    const input = fromNdArray(tokens([2, 5]), 'int32');
    for (const [a, b] of [
      ['zero', 'zero'],
      ['random', 'zero'],
      ['zero', 'random'],
    ] as const) {
      const adapted = await adapt(model, { method: 'lora', rank: 2, start: { a, b } });
      const { grads } = tf.variableGrads(() => adapted.loss(input) as tf.Scalar, adapted.parameters);
      const sizes = { A: 0, B: 0 };
      for (const [name, variable] of adapted.adapter().variables) {
        const side = name.includes('lora_A') ? 'A' : 'B';
        sizes[side] = Math.max(sizes[side], largest(await numbers(grads[variable.name]!)));
      }
      expect([sizes.A > 0, sizes.B > 0]).toEqual([b === 'random', a === 'random']);
      adapted.dispose();
    }
    model.dispose();
  });

  it('drops inputs in the loss only', async () => {
    const model = new Llama(config, arrays);
    const input = fromNdArray(tokens([2, 5]), 'int32');
    const adapted = await adapt(model, { method: 'lora', rank: 2, dropout: 0.5 });
    randomise(adapted.adapter());
    expect(await numbers(adapted.forward(input))).toEqual(await numbers(adapted.forward(input)));
    expect(await numbers(adapted.loss(input))).not.toEqual(await numbers(adapted.loss(input)));
    adapted.dispose();
    model.dispose();
  });

  it('a prompt made of the embeddings of tokens is those tokens', async () => {
    const model = new Llama(config, arrays);
    const adapted = await adapt(model, { method: 'prompt-tuning', tokens: 2, from: [4, 2] });
    const logits = await numbers(adapted.forward(fromNdArray(ndarray([1, 3], [1, 0, 5]), 'int32')));
    const whole = llamaOracle(config, arrays, ndarray([1, 5], [4, 2, 1, 0, 5]));
    expect(apart(logits, [...whole.data])).toBeLessThan(1e-5);
    const [loss] = await numbers(adapted.loss(fromNdArray(ndarray([1, 3], [1, 0, 5]), 'int32')));
    const targets = ndarray([1, 5], [-100, 1, 0, 5, -100]);
    expect(loss).toBeCloseTo(crossEntropyOracle(whole, targets).data[0]!, 5);
    adapted.dispose();
    model.dispose();
  });

  it('prompts and prefixes of several adapters stand one behind the other', async () => {
    const model = new Llama(config, arrays);
    const adapted = new AdaptedLlama(model);
    adapted.add('x', await startAdapter(model, { method: 'prompt-tuning', tokens: 1, from: [4] }));
    adapted.add('y', await startAdapter(model, { method: 'prompt-tuning', tokens: 1, from: [2] }));
    const logits = await numbers(adapted.forward(fromNdArray(ndarray([1, 1], [1]), 'int32')));
    const whole = llamaOracle(config, arrays, ndarray([1, 3], [4, 2, 1]));
    expect(apart(logits, [...whole.data])).toBeLessThan(1e-5);
    adapted.add('p', await startAdapter(model, { method: 'prefix-tuning', tokens: 1 }));
    adapted.add('q', await startAdapter(model, { method: 'prefix-tuning', tokens: 2 }));
    expect(adapted.forward(fromNdArray(ndarray([1, 1], [1]), 'int32')).shape).toEqual([1, 3, config.V]);
    adapted.dispose();
    model.dispose();
  });

  it('says what is wrong with its arguments', async () => {
    const model = new Llama(config, arrays);
    const adapting = (method: Parameters<typeof adapt>[1]) => adapt(model, method);
    await expect(adapting({ method: 'lora', targets: ['query'] })).rejects.toThrow(
      /no linear layer of this model fits \["query"\]; it has q_proj, k_proj, /,
    );
    await expect(adapting({ method: 'lora', layers: [7] })).rejects.toThrow(/in layers \[7\]/);
    await expect(adapting({ method: 'lora', rank: 0 })).rejects.toThrow(/rank of model.* must be a positive/);
    await expect(adapting({ method: 'prompt-tuning', tokens: 0 })).rejects.toThrow(
      /tokens must be a positive/,
    );
    await expect(adapting({ method: 'prompt-tuning', tokens: 1, from: [11] })).rejects.toThrow(
      /from holds the id 11, but ids go from 0 to V - 1 = 10/,
    );
    await expect(adapting({ method: 'bottleneck', width: 0.5 })).rejects.toThrow(/width .* got 0.5/);
    await expect(adapting({ method: 'weights', layers: [2] })).rejects.toThrow(/no layer 2; .* 0 to 1/);
    const adapted = await adapting({ method: 'ia3' });
    expect(() => adapted.adapter('other')).toThrow(/no adapter 'other'; there are default/);
    expect(() => adapted.add('default', adapted.adapter())).toThrow(/is an adapter 'default' already/);
    const input = fromNdArray(tokens([1, 2]), 'int32');
    expect(() => adapted.forward(input, { rows: ['default'] })).toThrow(
      /LoRA adapters of their own, not ia3/,
    );
    const unbiased = await adapting({ method: 'bitfit' });
    expect(() => unbiased.merge()).toThrow(/q_proj has no bias to which that of BitFit could be added/);
    const tied = new Llama({ ...config, tied: true }, randomLlama({ ...config, tied: true }, 1));
    const head = await adapt(tied, { method: 'lora', targets: ['lm_head'] });
    expect(() => head.merge()).toThrow(/the head is the embedding in this model/);
    for (const one of [adapted, unbiased, head]) one.dispose();
    model.dispose();
    tied.dispose();
  });

  it('saves what peft saves, with its names and shapes', async () => {
    const model = new Llama(config, arrays);
    for (const [name, method] of formulas) {
      const adapted = await adapt(model, method);
      await inFolder(async (folder) => {
        await adapted.save(folder);
        const json = JSON.parse(readFileSync(join(folder, 'adapter_config.json'), 'utf8')) as {
          peft_type: string;
        };
        expect(json.peft_type, name).toMatch(/^(LORA|IA3|PREFIX_TUNING|PROMPT_TUNING|P_TUNING)$/);
        const file = await readAdapter(folder, config);
        expect([...file.arrays].map(([key, { shape }]) => [key, shape])).toEqual([
          ...storedShapes(method, config),
        ]);
      });
      adapted.dispose();
    }
    model.dispose();
  });
});
