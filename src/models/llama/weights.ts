/**
 * The parameters of a Llama under their Hugging Face names: read from safetensors (one file, or the shards that an
 * index lists), or drawn at random to train from. Every name and shape is checked against the config.
 */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type NdArray, ndarray } from '../../compute/ndarray.js';
import { seededNormal } from '../../compute/random.js';
import { readSafetensors } from '../../compute/safetensors.js';
import { sameShape, shown } from '../../compute/shapes.js';
import { type LlamaConfig, llamaConfig, names, parameterShapes } from './config.js';

export type LlamaArrays = ReadonlyMap<string, NdArray>;

/** Buffers that older checkpoints carry beside the weights: the frequencies follow from the config. */
const derived = /\.rotary_emb\.inv_freq$/;

/**
 * Reads `config.json` and the safetensors of a folder in Hugging Face form; bf16 and f16 are widened exactly.
 * @param checkpoint the file of the weights; default `model.safetensors`, or the shards of its index
 * @throws Error when files, tensors or fields are missing, superfluous or of the wrong shape, naming them.
 */
export async function loadLlama(
  folder: string,
  checkpoint = 'model.safetensors',
): Promise<{ config: LlamaConfig; arrays: LlamaArrays }> {
  const config = llamaConfig(JSON.parse(await readFile(join(folder, 'config.json'), 'utf8')));
  const found = new Map<string, NdArray>();
  for (const file of await filesOf(folder, checkpoint)) {
    const { tensors } = await readSafetensors(join(folder, file));
    for (const [name, { shape, data }] of tensors) {
      const ignored = derived.test(name) || (config.tied && name === names.head);
      if (!ignored) found.set(name, ndarray(shape, data));
    }
  }
  checkArrays(config, found);
  return { config, arrays: found };
}

async function filesOf(folder: string, checkpoint: string): Promise<string[]> {
  const index = join(folder, `${checkpoint}.index.json`);
  if (existsSync(join(folder, checkpoint)) || !existsSync(index)) return [checkpoint];
  const parsed = JSON.parse(await readFile(index, 'utf8')) as { weight_map?: Record<string, string> };
  if (!parsed.weight_map) throw new Error(`loadLlama: ${index} has no weight_map`);
  return [...new Set(Object.values(parsed.weight_map))];
}

/** @throws Error naming what is missing, superfluous, or has another shape than the config wants. */
export function checkArrays(
  config: LlamaConfig,
  arrays: ReadonlyMap<string, { readonly shape: readonly number[] }>,
): void {
  const wanted = parameterShapes(config);
  const list = (problem: string, found: string[]) =>
    found.length === 0
      ? []
      : [
          `${problem} ${found.slice(0, 3).join(', ')}${found.length > 3 ? ` and ${found.length - 3} more` : ''}`,
        ];
  const wrong = [...wanted].filter(([name, shape]) => {
    const array = arrays.get(name);
    return array && !sameShape(array.shape, shape);
  });
  const problems = [
    ...list(
      'missing',
      [...wanted.keys()].filter((name) => !arrays.has(name)),
    ),
    ...list(
      'not part of the model',
      [...arrays.keys()].filter((name) => !wanted.has(name)),
    ),
    ...list(
      'of the wrong shape',
      wrong.map(([name, shape]) => `${name} ${shown(arrays.get(name)!.shape)} instead of ${shown(shape)}`),
    ),
  ];
  if (problems.length > 0) {
    throw new Error(`Llama: the weights do not fit the config: ${problems.join('; ')}`);
  }
}

/**
 * Weights to train from: normal values, gains of 1, biases of 0. Matrices that write into the residual stream are drawn smaller by
 * sqrt(2 layers), so that its size at the end does not depend on the depth (GPT-2's rule).
 * @param std of all other matrices; default 0.02
 */
export function randomLlama(config: LlamaConfig, seed: number, std = 0.02): LlamaArrays {
  const arrays = new Map<string, NdArray>();
  let draw = 0;
  for (const [name, shape] of parameterShapes(config)) {
    const writes = /(o_proj|down_proj|\.w2)\.weight$/.test(name);
    const scale = writes ? std / Math.sqrt(2 * config.layers) : std;
    // Distinct seeds per matrix, and for every model seed.
    if (name.endsWith('.bias')) arrays.set(name, ndarray(shape));
    else if (shape.length === 1) arrays.set(name, ones(shape));
    else arrays.set(name, seededNormal(shape, seed * 65_537 + draw++, scale));
  }
  return arrays;
}

function ones(shape: readonly number[]): NdArray {
  const array = ndarray(shape);
  array.data.fill(1);
  return array;
}
