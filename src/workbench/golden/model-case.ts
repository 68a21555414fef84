/**
 * A golden case that is a whole model: a folder with `config.json` and weights in Hugging Face form, and
 * `expected.safetensors` with token ids, their logits and loss, and the greedy continuation of a prompt.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type NdArray, ndarray } from '../../compute/ndarray.js';
import type { KernelPath } from '../../compute/path.js';
import { fromNdArray, read } from '../../compute/read.js';
import { tf } from '../../compute/tf.js';
import type { LlamaConfig } from '../../models/llama/config.js';
import { generate } from '../../models/llama/generate.js';
import { Llama } from '../../models/llama/llama.js';
import { type LlamaArrays, loadLlama } from '../../models/llama/weights.js';
import { llamaErrors, llamaLossErrors } from './bounds/llama.js';
import { goldenDirectory, readCase } from './case.js';
import { Parameters } from './parameters.js';
import { type CaseResult, type Computed, compareArrays } from './run.js';

export interface ModelCase {
  config: LlamaConfig;
  arrays: LlamaArrays;
  /** [B,T] */
  ids: NdArray;
  /** logits [B,T,V], loss [1], greedy [B, prompt + maxNewTokens]. */
  expected: Readonly<Record<string, NdArray>>;
  /** Tokens of each row that the greedy continuation starts from. */
  prompt: number;
  maxNewTokens: number;
}

/**
 * A model case of this package by name, e.g. `modelCase('llama2.small')`.
 * @param directory another folder of cases
 * @throws Error naming the file when there is no such case, or when it does not have the form of one.
 */
export async function modelCase(name: string, directory = goldenDirectory()): Promise<ModelCase> {
  return readModelCase(join(directory, name));
}

async function readModelCase(folder: string): Promise<ModelCase> {
  const file = join(folder, 'expected.safetensors');
  if (!existsSync(file)) throw new Error(`modelCase: there is no ${file}`);
  const { op, params, inputs, outputs } = await readCase(file);
  const { checkpoint, config: configFile = 'config.json', ...counts } = params;
  if (op !== 'language_model' || configFile !== 'config.json' || !inputs.ids) {
    throw new Error(`modelCase: ${file} is no language_model with config.json and in.ids`);
  }
  const numbers = new Parameters(counts);
  const [prompt, maxNewTokens] = [numbers.number('prompt', 0), numbers.number('maxNewTokens', 0)];
  numbers.assertAllRead();
  const { config, arrays } = await loadLlama(folder, typeof checkpoint === 'string' ? checkpoint : undefined);
  return { config, arrays, ids: inputs.ids, expected: outputs, prompt, maxNewTokens };
}

/** Logits and loss within their derived bounds, the greedy continuation token by token. */
export async function runModelCase(folder: string, path: KernelPath = 'auto'): Promise<CaseResult> {
  try {
    const golden = await readModelCase(folder);
    const bounds = boundsOf(golden);
    const expected = new Map(
      Object.entries(golden.expected).map(([name, array]) => [
        `out.${name}`,
        [array, bounds[name]] as [NdArray, NdArray | undefined],
      ]),
    );
    return compareArrays(expected, await compute(golden, path));
  } catch (error) {
    return { status: 'failed', reason: (error as Error).message };
  }
}

function boundsOf({ config, arrays, ids, expected }: ModelCase): Record<string, NdArray> {
  const logits = llamaErrors(config, arrays, ids);
  const loss = llamaLossErrors(logits, ids).error;
  const greedy = expected.greedy && ndarray(expected.greedy.shape);
  return { logits: logits.error, loss: ndarray([1], loss.data), ...(greedy ? { greedy } : {}) };
}

async function compute(golden: ModelCase, path: KernelPath): Promise<Computed> {
  const { config, arrays, ids, prompt, maxNewTokens } = golden;
  const model = new Llama(config, arrays);
  const tokens = fromNdArray(ids, 'int32');
  const [logits, loss] = tf.tidy(() => [
    model.forward(tokens, { path }),
    tf.reshape(model.loss(tokens, { path }), [1]),
  ]) as [tf.Tensor, tf.Tensor];
  try {
    const computed = new Map([
      ['out.logits', { shape: logits.shape, data: (await read(logits)) as ArrayLike<number> }],
      ['out.loss', { shape: [1], data: await read(loss) }],
    ]);
    if (golden.expected.greedy) {
      const [B, T] = ids.shape as [number, number];
      const prompts = Array.from({ length: B }, (_, b) => [...ids.data.slice(b * T, b * T + prompt)]);
      const rows = await generate(model, prompts, { maxNewTokens, path });
      computed.set('out.greedy', { shape: [B, prompt + maxNewTokens], data: rows.flat() });
    }
    return computed;
  } finally {
    tf.dispose([tokens, logits, loss]);
    model.dispose();
  }
}
