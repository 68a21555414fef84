/**
 * Mistakes that are easily made with adapters, by name: each is put into the source, and a test must fail. The changes of
 * single signs and operators are in test/mutation.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { useBackend } from '../../../src/compute/backend.js';
import { firstFailure, root } from '../../mutation/run-tests.js';
import { patienceMs } from '../../support/patience.js';

const methods = 'test/training/fine-tuning/fine-tuning.test.ts';
const nf4 = 'test/training/fine-tuning/nf4.test.ts';
const models = 'test/models/llama/adapt/adapt.test.ts';

interface Mistake {
  file: string;
  from: string;
  to: string;
  test: string;
}

const mistakes: Record<string, Mistake> = {
  'the scale is missing': {
    file: 'training/fine-tuning/lora.ts',
    from: 'return alpha / (rsLora ? Math.sqrt(rank) : rank);',
    to: 'return 1;',
    test: methods,
  },
  'rsLoRA divides by the rank': {
    file: 'training/fine-tuning/lora.ts',
    from: 'rsLora ? Math.sqrt(rank) : rank',
    to: 'rank',
    test: methods,
  },
  'A and B are swapped': {
    file: 'models/llama/adapt/lora-adapter.ts',
    from: 'a: variable(loraNames.a(module))!,\n      b: variable(loraNames.b(module))!,',
    to: 'a: variable(loraNames.b(module))!,\n      b: variable(loraNames.a(module))!,',
    test: models,
  },
  'the bias is added twice': {
    file: 'training/fine-tuning/lora.ts',
    from: 'tf.add(sum, options.bias)',
    to: 'tf.add(tf.add(sum, options.bias), options.bias)',
    test: methods,
  },
  'the bias is merged twice': {
    file: 'models/llama/adapt/lora-adapter.ts',
    from: 'bias: tf.clone(bias)',
    to: 'bias: tf.add(bias, bias)',
    test: models,
  },
  'the norms of DoRA have a gradient': {
    file: 'training/fine-tuning/dora.ts',
    from: 'detached(() => rowNorms(mergeLora(weight, factors, options)))',
    to: 'rowNorms(mergeLora(weight, factors, options))',
    test: methods,
  },
  'IA3 leaves the bias unscaled': {
    file: 'training/fine-tuning/ia3.ts',
    from: 'tf.mul(linear(x, weight, bias), l)',
    to: 'bias ? tf.add(tf.mul(linear(x, weight), l), bias) : tf.mul(linear(x, weight), l)',
    test: methods,
  },
  'the prefix is masked like the future': {
    file: 'training/fine-tuning/prefix.ts',
    from: 'tf.concat([repeated(tf.expandDims(own, 0), 0, B), rest], 2)',
    to: 'tf.concat([rest, repeated(tf.expandDims(own, 0), 0, B)], 2)',
    test: methods,
  },
  'keys and values of the prefix change places': {
    file: 'training/fine-tuning/prefix.ts',
    from: 'return { k: part(0), v: part(1) };',
    to: 'return { k: part(1), v: part(0) };',
    test: methods,
  },
  'positions behind a prefix begin at 0': {
    file: 'layers/attention/multi-head-attention.ts',
    from: '(cache?.position ?? 0) + (front?.k.shape[2] ?? 0)',
    to: '(cache?.position ?? 0)',
    test: models,
  },
  'the last virtual token predicts nothing': {
    file: 'models/llama/llama.ts',
    from: 'tf.slice(logits, [0, P - 1, 0], [B, T, this.config.V])',
    to: 'tf.slice(logits, [0, 0, 0], [B, T, this.config.V])',
    test: models,
  },
  'the backward direction of the LSTM runs forward': {
    file: 'training/fine-tuning/lstm.ts',
    from: 'reversed ? T - 1 - step : step',
    to: 'step',
    test: methods,
  },
  'the codes of NF4 stand in the other order': {
    file: 'training/fine-tuning/nf4/nf4-format.ts',
    from: 'code << (4 * (n & 7))',
    to: 'code << (4 * (7 - (n & 7)))',
    test: nf4,
  },
};

describe('a mistake is noticed:', () => {
  beforeAll(() => useBackend('cpu'));

  it.each(Object.entries(mistakes))(
    '%s',
    async (_name, { file, from, to, test }) => {
      const path = `src/${file}`;
      const text = readFileSync(join(root, path), 'utf8');
      expect(text.split(from).length, `${path} has the text once`).toBe(2);
      expect(await firstFailure(test, { path, text: text.replace(from, to) }, 'cpu')).toBeDefined();
    },
    4 * patienceMs,
  );
});
