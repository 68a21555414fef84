/**
 * A golden case that is a whole model: a folder with `config.json` and weights in Hugging Face form, and
 * `expected.safetensors` with token ids, their logits and loss, and the greedy continuation of a prompt; in an adapted
 * model also an adapter in peft's form, the logits without it and those after it was merged.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type NdArray, ndarray } from '../../compute/ndarray.js';
import type { KernelPath } from '../../compute/path.js';
import { fromNdArray, read } from '../../compute/read.js';
import { tf } from '../../compute/tf.js';
import { type AdaptedLlama, loadAdapted } from '../../models/llama/adapt/adapted-llama.js';
import { readAdapter } from '../../models/llama/adapt/files.js';
import type { LlamaConfig } from '../../models/llama/config.js';
import { generate } from '../../models/llama/generate.js';
import { Llama } from '../../models/llama/llama.js';
import { type LlamaArrays, loadLlama } from '../../models/llama/weights.js';
import { adaptedFormula, mergedFormula } from './bounds/adapted-llama.js';
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
  /** The folder of the adapter. */
  adapter?: string;
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
  const { checkpoint, config: configFile = 'config.json', adapter, ...counts } = params;
  const adapted = op === 'adapted_language_model' && typeof adapter === 'string';
  if ((op !== 'language_model' && !adapted) || configFile !== 'config.json' || !inputs.ids) {
    throw new Error(`modelCase: ${file} is no language_model, or adapted one, with config.json and in.ids`);
  }
  const numbers = new Parameters(counts);
  const [prompt, maxNewTokens] = [numbers.number('prompt', 0), numbers.number('maxNewTokens', 0)];
  numbers.assertAllRead();
  const { config, arrays } = await loadLlama(folder, typeof checkpoint === 'string' ? checkpoint : undefined);
  return {
    config,
    arrays,
    ids: inputs.ids,
    expected: outputs,
    prompt,
    maxNewTokens,
    ...(adapted && { adapter: join(folder, adapter) }),
  };
}

/** Logits and loss within their derived bounds, the greedy continuation token by token. */
export async function runModelCase(folder: string, path: KernelPath = 'auto'): Promise<CaseResult> {
  try {
    const golden = await readModelCase(folder);
    const bounds = await boundsOf(golden);
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

async function boundsOf({
  config,
  arrays,
  ids,
  expected,
  adapter,
}: ModelCase): Promise<Record<string, NdArray>> {
  const file = adapter === undefined ? undefined : await readAdapter(adapter, config);
  const logits = llamaErrors(config, arrays, ids, file && adaptedFormula(file, config));
  const loss = llamaLossErrors(logits, ids).error;
  const greedy = expected.greedy && ndarray(expected.greedy.shape);
  return {
    logits: logits.error,
    loss: ndarray([1], loss.data),
    ...(greedy ? { greedy } : {}),
    ...(expected.baseLogits && { baseLogits: llamaErrors(config, arrays, ids).error }),
    ...(expected.mergedLogits &&
      file && { mergedLogits: llamaErrors(config, arrays, ids, mergedFormula(file, arrays)).error }),
  };
}

async function compute(golden: ModelCase, path: KernelPath): Promise<Computed> {
  const { config, arrays, ids, adapter, expected } = golden;
  const base = new Llama(config, arrays);
  const tokens = fromNdArray(ids, 'int32');
  const computed = new Map<string, { shape: readonly number[]; data: ArrayLike<number> }>();
  const put = async (name: string, tensor: tf.Tensor) => {
    computed.set(`out.${name}`, { shape: tensor.shape, data: await read(tensor) });
    tensor.dispose();
  };
  let adapted: AdaptedLlama | undefined;
  try {
    if (adapter !== undefined) adapted = await loadAdapted(base, adapter);
    if (expected.baseLogits) await put('baseLogits', base.forward(tokens, { path }));
    const model = adapted ?? base;
    await put('logits', model.forward(tokens, { path }));
    await put(
      'loss',
      tf.tidy(() => tf.reshape(model.loss(tokens, { path }), [1])),
    );
    if (expected.greedy) computed.set('out.greedy', await continued(model, golden, path));
    if (adapted && expected.mergedLogits) {
      adapted.merge();
      await put('mergedLogits', adapted.forward(tokens, { path }));
    }
    return computed;
  } finally {
    tokens.dispose();
    adapted?.dispose();
    base.dispose();
  }
}

async function continued(
  model: Llama | AdaptedLlama,
  { ids, prompt, maxNewTokens }: ModelCase,
  path: KernelPath,
): Promise<{ shape: number[]; data: number[] }> {
  const [B, T] = ids.shape as [number, number];
  const prompts = Array.from({ length: B }, (_, b) => [...ids.data.slice(b * T, b * T + prompt)]);
  const rows = await generate(model, prompts, { maxNewTokens, path });
  return { shape: [B, prompt + maxNewTokens], data: rows.flat() };
}
