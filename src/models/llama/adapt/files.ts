/**
 * The two files of an adapter, as peft has them: `adapter_config.json` and `adapter_model.safetensors`. Everything is checked
 * against the method and the model before anything is made of it.
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type NdArray, ndarray } from '../../../compute/ndarray.js';
import { read } from '../../../compute/read.js';
import { readSafetensors } from '../../../compute/safetensors.js';
import { sameShape, shown } from '../../../compute/shapes.js';
import { tf } from '../../../compute/tf.js';
import { safetensorsBytes } from '../../../compute/write-safetensors.js';
import type { LlamaConfig } from '../config.js';
import type { Adapter } from './adapter.js';
import { biasShapes } from './bias-adapter.js';
import { bottleneckShapes } from './bottleneck-adapter.js';
import { ia3Shapes } from './ia3-adapter.js';
import { loraRule, loraShapes } from './lora-adapter.js';
import type { FineTuningMethod } from './methods.js';
import { linearShapes } from './modules.js';
import { methodOf, peftConfig } from './peft-config.js';
import { virtualName, virtualShape } from './virtual-adapters.js';
import { weightShapes } from './weights-adapter.js';

const files = { config: 'adapter_config.json', arrays: 'adapter_model.safetensors' };
const prefix = 'base_model.model.';
const copyOfBase = /^(lm_head|model\.embed_tokens)(?:\.base_layer)?\.weight$/;

export interface AdapterFile {
  method: FineTuningMethod;
  /** By name without `base_model.model.`. */
  arrays: ReadonlyMap<string, NdArray>;
  /** Weights of the base model that peft keeps beside an adapter of the head, by the name of the parameter. */
  base: ReadonlyMap<string, NdArray>;
}

/** Names and shapes of what the file of an adapter holds. */
export function storedShapes(method: FineTuningMethod, config: LlamaConfig): Map<string, number[]> {
  switch (method.method) {
    case 'lora':
      return loraShapes(method, config);
    case 'ia3':
      return ia3Shapes(method, config);
    case 'bottleneck':
      return bottleneckShapes(method, config);
    case 'bitfit':
      return biasShapes(method, config);
    case 'weights':
      return weightShapes(method, config);
    default:
      return new Map([[virtualName, virtualShape(method, config)]]);
  }
}

/**
 * Reads a folder for a model of this config.
 * @throws Error in one line, naming the file: an unknown `peft_type`, missing or superfluous tensors, another rank than the
 *   config says, the sizes of another base model.
 */
export async function readAdapter(folder: string, config: LlamaConfig): Promise<AdapterFile> {
  const file = join(folder, files.config);
  const method = methodOf(parsed(await readFile(file, 'utf8'), file), file, config);
  const path = join(folder, files.arrays);
  const { tensors } = await readSafetensors(path);
  const [arrays, base] = [new Map<string, NdArray>(), new Map<string, NdArray>()];
  for (const [key, { shape, data }] of tensors) {
    const name = key.startsWith(prefix) ? key.slice(prefix.length) : key;
    const copied = method.method === 'weights' ? undefined : copyOfBase.exec(name)?.[1];
    if (copied) base.set(`${copied}.weight`, ndarray(shape, data));
    else arrays.set(name, ndarray(shape, data));
  }
  check(method, config, arrays, path);
  return { method, arrays, base };
}

function parsed(text: string, file: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Error(`${file}: is not JSON: ${(error as Error).message}`);
  }
}

function check(
  method: FineTuningMethod,
  config: LlamaConfig,
  arrays: ReadonlyMap<string, NdArray>,
  path: string,
): void {
  let wanted: Map<string, number[]>;
  try {
    wanted = storedShapes(method, config);
  } catch (error) {
    throw new Error(`${path}: made for another base model: ${(error as Error).message}`);
  }
  const names = (found: string[]) =>
    `${found.slice(0, 3).join(', ')}${found.length > 3 ? ` and ${found.length - 3} more` : ''}`;
  const missing = [...wanted.keys()].filter((name) => !arrays.has(name));
  if (missing.length > 0)
    throw new Error(`${path}: ${missing.length} tensors are missing: ${names(missing)}`);
  const extra = [...arrays.keys()].filter((name) => !wanted.has(name));
  if (extra.length > 0) {
    throw new Error(`${path}: ${extra.length} tensors belong to no part of the adapter: ${names(extra)}`);
  }
  for (const [name, shape] of wanted) {
    const found = arrays.get(name)!.shape;
    if (!sameShape(found, shape)) throw new Error(`${path}: ${misfit(method, config, name, found, shape)}`);
  }
}

/** A rank that differs is told apart from sizes of another model. */
function misfit(
  method: FineTuningMethod,
  config: LlamaConfig,
  name: string,
  found: readonly number[],
  wanted: readonly number[],
): string {
  const lora = /^(.*)\.lora_([AB])\.weight$/.exec(name);
  if (method.method === 'lora' && lora && found.length === 2) {
    const [, module, side] = lora as unknown as [string, string, 'A' | 'B'];
    const [out, inner] = linearShapes(config).get(module)!;
    const [rank, other, size] = side === 'A' ? [found[0], found[1], inner] : [found[1], found[0], out];
    if (other === size) return `${name} has rank ${rank}, the config says ${loraRule(method, module).rank}`;
  }
  return `made for another base model: ${name} is ${shown(found)}, this model needs ${shown(wanted)}`;
}

/** Writes the two files, which peft loads too where it has the method. */
export async function writeAdapter(folder: string, adapter: Adapter, config: LlamaConfig): Promise<void> {
  const stored = adapter.stored();
  try {
    const tensors = new Map<string, { shape: number[]; data: Float32Array }>();
    for (const [name, tensor] of stored) {
      const key = name === virtualName ? name : prefix + name;
      tensors.set(key, { shape: tensor.shape, data: Float32Array.from(await read(tensor)) });
    }
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, files.arrays), safetensorsBytes(tensors, { format: 'pt' }));
    const text = JSON.stringify(peftConfig(adapter.method, config), undefined, 2);
    await writeFile(join(folder, files.config), `${text}\n`);
  } finally {
    tf.dispose([...stored.values()]);
  }
}
