import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type NdArray, ndarray } from '../../../src/compute/ndarray.js';
import { seededNormal, seededUniform } from '../../../src/compute/random.js';
import { fromNdArray, read, toNdArray } from '../../../src/compute/read.js';
import { tf } from '../../../src/compute/tf.js';
import type { LlamaConfig } from '../../../src/models/llama/config.js';
import { Llama } from '../../../src/models/llama/llama.js';
import { llamaLossOracle, llamaOracle } from '../../../src/models/llama/llama-oracle.js';
import { loadLlama, randomLlama } from '../../../src/models/llama/weights.js';
import { llamaErrors, llamaLossErrors } from '../../../src/workbench/golden/bounds/llama.js';
import { runModelCase } from '../../../src/workbench/golden/model-case.js';
import { compare } from '../../../src/workbench/golden/run.js';
import { eachBackend } from '../../compute/backends.js';
import { distance, leaked } from '../../support/numeric.js';

const base: LlamaConfig = {
  V: 13,
  C: 8,
  F: 12,
  layers: 2,
  H: 2,
  K: 1,
  D: 6,
  eps: 1e-5,
  rope: { head_dim: 6 },
  tied: false,
};

/** One of each kind of thing that a config can ask for. */
const variants: Record<string, LlamaConfig> = {
  'grouped heads': base,
  'tied, scaled rotation, window': {
    ...base,
    tied: true,
    window: 3,
    rope: { head_dim: 6, rope_parameters: { rope_type: 'linear', factor: 4 } },
  },
  'experts, one layer': { ...base, layers: 1, experts: { E: 3, topK: 2 } },
  biases: { ...base, layers: 1, attentionBias: true, feedForwardBias: true },
  'no rotation, no norm': { ...base, positions: 'none', normalization: 'none' },
};

const tokens = (shape: number[], V: number, seed = 1): NdArray => {
  const uniform = seededUniform(seed);
  const ids = ndarray(shape);
  ids.data.forEach((_, n) => {
    ids.data[n] = Math.floor(uniform() * V);
  });
  return ids;
};

eachBackend(() => {
  describe.each(Object.entries(variants))('Llama, %s', (_name, config) => {
    const arrays = new Map(
      // Random biases too, which start at 0.
      [...randomLlama(config, 5, 0.4)].map(([name, array], n): [string, NdArray] => [
        name,
        name.endsWith('.bias') ? seededNormal(array.shape, n, 0.4) : array,
      ]),
    );

    it.each([[[2, 7]], [[1, 1]]])('logits and loss of %j are the oracle within the bounds', async (shape) => {
      const model = new Llama(config, arrays);
      const ids = tokens(shape, config.V);
      const bounds = llamaErrors(config, arrays, ids);
      const expected = llamaOracle(config, arrays, ids);
      expect(distance(bounds.value, expected)).toBeLessThan(1e-12);
      const logits = await read(model.forward(fromNdArray(ids, 'int32')));
      const result = compare(logits, expected.data, bounds.error.data);
      expect(result.outside, `${result.error} against ${result.bound}`).toBe(false);
      if (shape[1]! > 1) {
        const { value, error } = llamaLossErrors(bounds, ids);
        const oracle = llamaLossOracle(config, arrays, ids);
        expect(value.data[0]).toBeCloseTo(oracle, 12);
        const [loss] = await read(model.loss(fromNdArray(ids, 'int32')));
        expect(Math.abs(loss! - oracle)).toBeLessThanOrEqual(error.data[0]!);
      }
      model.dispose();
    });

    it('has the gradients that differences of the oracle show, in every parameter', async () => {
      const model = new Llama(config, arrays);
      const ids = tokens([2, 5], config.V, 3);
      const { grads } = tf.variableGrads(
        () => model.loss(fromNdArray(ids, 'int32')) as tf.Scalar,
        model.parameters,
      );
      let seed = 100;
      for (const [name, array] of arrays) {
        const direction = seededNormal(array.shape, seed++);
        const moved = (by: number) =>
          llamaLossOracle(
            config,
            new Map(arrays).set(
              name,
              ndarray(
                array.shape,
                array.data.map((x, n) => x + by * direction.data[n]!),
              ),
            ),
            ids,
          );
        const slope = (moved(1e-5) - moved(-1e-5)) / 2e-5;
        const unused = config.normalization === 'none' && array.shape.length === 1;
        const gradient = grads[model.parameter(name).name];
        const values = unused ? [] : Array.from(await read(gradient!));
        const along = values.reduce((sum, g, n) => sum + g * direction.data[n]!, 0);
        expect(Math.abs(along - slope), `${name}: ${along} against ${slope}`).toBeLessThan(
          2e-4 * (1 + Math.abs(slope)),
        );
      }
      tf.dispose(grads);
      model.dispose();
    });
  });

  it('does not see the future, and leaves no tensors behind', async () => {
    const model = Llama.random(base, 2, 0.4);
    const ids = tokens([1, 6], base.V);
    const changed = ndarray(ids.shape, ids.data);
    changed.data[5] = (changed.data[5]! + 1) % base.V;
    const [a, b] = await Promise.all(
      [ids, changed].map(async (array) => (await toNdArray(model.forward(fromNdArray(array, 'int32')))).data),
    );
    expect(a!.slice(0, 5 * base.V)).toEqual(b!.slice(0, 5 * base.V));
    expect(a!.slice(5 * base.V)).not.toEqual(b!.slice(5 * base.V));
    const input = fromNdArray(ids, 'int32');
    expect(leaked(() => model.forward(input))).toBe(0);
    const differentiate = () => {
      const { value, grads } = tf.variableGrads(() => model.loss(input) as tf.Scalar, model.parameters);
      return { value, ...grads };
    };
    expect(leaked(differentiate)).toBe(0);
    model.dispose();
  });
});

describe('Llama', () => {
  it('says what is wrong with its arguments', () => {
    const model = Llama.random(base, 1);
    expect(() => model.forward(tf.zeros([1, 3]))).toThrow(/ids must be an int32 tensor \[B,T\], got float32/);
    expect(() => model.forward(tf.tensor1d([1], 'int32'))).toThrow(
      /ids must be \[B,T\] \(rank 2\), got \[1\]/,
    );
    expect(() => model.loss(tf.tensor2d([[1]], undefined, 'int32'))).toThrow(/T >= 2, got \[1,1\]/);
    expect(() => model.parameter('lm_head')).toThrow(/there is no parameter 'lm_head'/);
    expect(() => new Llama({ ...base, layers: 3 }, randomLlama(base, 1))).toThrow(
      /missing model.layers.2.input_layernorm.weight, .* and 6 more/,
    );
    model.dispose();
  });
});

describe('checkpoints', () => {
  const golden = (name: string) => new URL(`../../golden/${name}`, import.meta.url).pathname;

  it('may be in bf16, in shards, and carry a buffer or a tied head', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'llama-'));
    try {
      cpSync(join(golden('llama3.small'), 'config.json'), join(folder, 'config.json'));
      const { config, arrays } = await loadLlama(golden('llama3.small'));
      const entries: [string, NdArray][] = [
        ...arrays,
        ['lm_head.weight', arrays.get('model.embed_tokens.weight')!],
        ['model.layers.0.self_attn.rotary_emb.inv_freq', ndarray([8])],
      ];
      const files = ['a.safetensors', 'b.safetensors'];
      const weightMap: Record<string, string> = {};
      for (const [n, file] of files.entries()) {
        const part = entries.filter((_, index) => index % 2 === n);
        for (const [name] of part) weightMap[name] = file;
        writeFileSync(join(folder, file), brainFile(part));
      }
      const index = join(folder, 'model.safetensors.index.json');
      writeFileSync(index, JSON.stringify({ weight_map: weightMap }));
      const read = await loadLlama(folder);
      expect(read.config).toEqual(config);
      expect([...read.arrays.keys()].sort()).toEqual([...arrays.keys()].sort());
      for (const [name, { data }] of read.arrays) {
        const exact = arrays.get(name)!.data;
        // bfloat16 keeps 8 bits, cut off by the writer below: off by less than 2^-7.
        data.forEach((x, n) => {
          expect(Math.abs(x - exact[n]!)).toBeLessThanOrEqual(2 ** -7 * Math.abs(exact[n]!));
        });
      }
      writeFileSync(index, '{}');
      await expect(loadLlama(folder)).rejects.toThrow(/index.json has no weight_map/);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('fail the golden comparison when the config or a weight is changed', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'llama-'));
    try {
      cpSync(golden('llama2.small'), folder, { recursive: true });
      expect(await runModelCase(folder)).toMatchObject({ status: 'passed' });
      const file = join(folder, 'config.json');
      const config = readFileSync(file, 'utf8');
      writeFileSync(file, config.replace('"rope_theta": 10000.0', '"rope_theta": 10010.0'));
      expect(await runModelCase(folder)).toMatchObject({ status: 'failed' });
      writeFileSync(file, config.replace('"intermediate_size": 128', '"intermediate_size": 127'));
      expect(await runModelCase(folder)).toMatchObject({
        status: 'failed',
        reason: expect.stringMatching(
          /of the wrong shape .*gate_proj.weight \[128,64\] instead of \[127,64\]/,
        ),
      });
      rmSync(join(folder, 'expected.safetensors'));
      expect(await runModelCase(folder)).toMatchObject({
        reason: expect.stringMatching(/there is no .*expected/),
      });
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

/** A safetensors file of bfloat16 values: the upper halves of their float32 bits. */
function brainFile(tensors: [string, NdArray][]): Buffer {
  const header: Record<string, unknown> = {};
  const parts: Buffer[] = [];
  let offset = 0;
  for (const [name, { shape, data }] of tensors) {
    const bits = Buffer.alloc(2 * data.length);
    const floats = new DataView(Float32Array.from(data).buffer);
    data.forEach((_, n) => {
      bits.writeUInt16LE(floats.getUint16(4 * n + 2, true), 2 * n);
    });
    header[name] = { dtype: 'BF16', shape, data_offsets: [offset, offset + bits.length] };
    offset += bits.length;
    parts.push(bits);
  }
  const text = Buffer.from(JSON.stringify(header));
  const size = Buffer.alloc(8);
  size.writeBigUInt64LE(BigInt(text.length));
  return Buffer.concat([size, text, ...parts]);
}
