/**
 * A Llama with adapters: the model stays as it is and may be shared, what is trained is in the adapters. `adapt(model, method)`
 * starts one, `loadAdapted(model, folder)` reads one.
 */

import { type NdArray, ndarray, sizeOf } from '../../../compute/ndarray.js';
import { toNdArray } from '../../../compute/read.js';
import { tf } from '../../../compute/tf.js';
import type { KvCache } from '../../../layers/attention/kv-cache.js';
import { doraMagnitude } from '../../../training/fine-tuning/dora.js';
import { type LlamaConfig, names } from '../config.js';
import type { Llama, LlamaForwardOptions } from '../llama.js';
import { type Adapter, together } from './adapter.js';
import { BiasAdapter, biasStart } from './bias-adapter.js';
import { BottleneckAdapter, bottleneckStart } from './bottleneck-adapter.js';
import { readAdapter, writeAdapter } from './files.js';
import { Ia3Adapter, ia3Start } from './ia3-adapter.js';
import { LoraAdapter, loraStart } from './lora-adapter.js';
import type { FineTuningMethod } from './methods.js';
import { linearShapes } from './modules.js';
import { rowsOfLora } from './rows.js';
import { PrefixAdapter, PromptAdapter, virtualStart } from './virtual-adapters.js';
import { WeightsAdapter } from './weights-adapter.js';

export interface AdaptedForwardOptions extends Omit<LlamaForwardOptions, 'adaptation'> {
  /** The adapter of each row of the batch by its name, undefined for none; LoRA without DoRA only. Default the active ones. */
  rows?: readonly (string | undefined)[];
}

const first = 'default';

export class AdaptedLlama {
  private readonly adapters = new Map<string, Adapter>();
  private names: readonly string[] = [];
  /** Tensors that merging replaced, by the name of the parameter. */
  private replaced: Map<string, tf.Tensor> | undefined;

  constructor(readonly model: Llama) {}

  get config(): LlamaConfig {
    return this.model.config;
  }

  /** Names of the adapters that take part. */
  get active(): readonly string[] {
    return this.names;
  }

  /** @throws RangeError for a name that no adapter has. */
  set active(wanted: readonly string[]) {
    for (const name of wanted) this.adapter(name);
    this.requireUnmerged('active');
    this.names = [...wanted];
  }

  /** @throws RangeError when there is no adapter of this name. */
  adapter(name = first): Adapter {
    const found = this.adapters.get(name);
    if (found) return found;
    throw new RangeError(
      `AdaptedLlama: there is no adapter '${name}'; there are ${[...this.adapters.keys()].join(', ') || 'none'}`,
    );
  }

  /** Adds an adapter, which becomes active beside the others. @throws RangeError when the name is taken. */
  add(name: string, adapter: Adapter): void {
    this.requireUnmerged('add');
    if (this.adapters.has(name)) throw new RangeError(`AdaptedLlama: there is an adapter '${name}' already`);
    this.adapters.set(name, adapter);
    this.names = [...this.names, name];
  }

  /** What is trained: the variables of the active adapters. */
  get parameters(): tf.Variable[] {
    return this.activeAdapters().flatMap(({ variables }) => [...variables.values()]);
  }

  /** Trained numbers. */
  get parameterCount(): number {
    return this.parameters.reduce((sum, { shape }) => sum + sizeOf(shape), 0);
  }

  /** Bytes of the trained numbers; gradients take as many again, AdamW's two moments twice as many. */
  get parameterBytes(): number {
    return 4 * this.parameterCount;
  }

  /** Empty caches for `forward`. */
  newCaches(): KvCache[] {
    return this.model.newCaches();
  }

  /** As `Llama.forward`, with the active adapters; with P virtual tokens in front the logits are [B,P+T,V]. */
  forward(ids: tf.Tensor, options: AdaptedForwardOptions = {}): tf.Tensor {
    return tf.tidy(() => this.model.forward(ids, this.withAdapters(ids, options, false)));
  }

  /** As `Llama.loss`, with the active adapters and their dropout; behind virtual tokens the first id is predicted too. */
  loss(ids: tf.Tensor, options: Pick<AdaptedForwardOptions, 'path' | 'rows'> = {}): tf.Tensor {
    return tf.tidy(() => this.model.loss(ids, this.withAdapters(ids, options, true)));
  }

  private withAdapters(
    ids: tf.Tensor,
    { rows, ...options }: AdaptedForwardOptions,
    training: boolean,
  ): LlamaForwardOptions {
    if (rows) {
      this.requireUnmerged('rows');
      if (rows.length !== ids.shape[0]) {
        throw new RangeError(
          `AdaptedLlama: rows must name an adapter for each of ${ids.shape[0]} rows, got ${rows.length}`,
        );
      }
      const each = rows.map((name) => (name === undefined ? undefined : this.adapter(name)));
      return { ...options, adaptation: rowsOfLora(each) };
    }
    if (this.replaced) return options;
    return {
      ...options,
      adaptation: together(this.activeAdapters().map((adapter) => adapter.adaptation(training))),
    };
  }

  private activeAdapters(): Adapter[] {
    return this.names.map((name) => this.adapter(name));
  }

  /** Writes `adapter_config.json` and `adapter_model.safetensors` into the folder, made if need be. */
  async save(folder: string, name = first): Promise<void> {
    await writeAdapter(folder, this.adapter(name), this.config);
  }

  get isMerged(): boolean {
    return this.replaced !== undefined;
  }

  /**
   * Puts the active adapters into the weights of the model, which then costs no more than before. What they replace is
   * kept until `unmerge`, which puts it back bit for bit.
   * @throws Error when a method cannot be merged (anything but LoRA, DoRA, IA3, BitFit), leaving the model unchanged.
   */
  merge(): void {
    this.requireUnmerged('merge');
    const merged = new Map<string, tf.Tensor>();
    try {
      for (const name of this.names) this.mergeInto(merged, name);
    } catch (error) {
      tf.dispose([...merged.values()]);
      throw error;
    }
    this.replaced = new Map();
    for (const [name, tensor] of merged) {
      const parameter = this.model.parameter(name);
      this.replaced.set(name, tf.keep(tf.clone(parameter)));
      parameter.assign(tensor);
      tensor.dispose();
    }
  }

  private mergeInto(merged: Map<string, tf.Tensor>, name: string): void {
    const adapter = this.adapter(name);
    if (!adapter.merged) {
      throw new Error(
        `merge: adapter '${name}' (${adapter.method.method}) is no change of weights and cannot be merged`,
      );
    }
    for (const module of linearShapes(this.config).keys()) {
      const parameter = this.config.tied && module === 'lm_head' ? names.embedding : `${module}.weight`;
      const bias = this.model.has(`${module}.bias`) ? `${module}.bias` : undefined;
      const now = (of: string) => merged.get(of) ?? this.model.parameter(of);
      const parts = tf.tidy(() => {
        const found = adapter.merged!(module, { weight: now(parameter), ...(bias && { bias: now(bias) }) });
        return found && { ...found };
      });
      if (!parts) continue;
      if (parameter === names.embedding) {
        tf.dispose(Object.values(parts));
        throw new Error(
          'merge: the head is the embedding in this model, an adapter of lm_head cannot be merged',
        );
      }
      for (const [of, tensor] of [
        [parameter, parts.weight],
        [bias, parts.bias],
      ] as const) {
        if (of === undefined || tensor === undefined) continue;
        merged.get(of)?.dispose();
        merged.set(of, tf.keep(tensor));
      }
    }
  }

  /** Undoes `merge`, bit for bit. */
  unmerge(): void {
    if (!this.replaced) throw new Error('unmerge: nothing is merged; call merge() first');
    for (const [name, tensor] of this.replaced) {
      this.model.parameter(name).assign(tensor);
      tensor.dispose();
    }
    this.replaced = undefined;
  }

  private requireUnmerged(caller: string): void {
    if (this.replaced) throw new Error(`AdaptedLlama.${caller}: adapters are merged; call unmerge() first`);
  }

  /** Frees the adapters and what merging kept; the model stays. */
  dispose(): void {
    tf.dispose([...(this.replaced?.values() ?? [])]);
    this.replaced = undefined;
    for (const adapter of this.adapters.values()) {
      if (adapter.method.method !== 'weights') tf.dispose([...adapter.variables.values()]);
    }
    this.adapters.clear();
    this.names = [];
  }
}

/**
 * A model with one adapter, named 'default', that does nothing yet: `parameters` is what to train.
 * @throws RangeError when the method asks for what the model does not have.
 */
export async function adapt(model: Llama, method: FineTuningMethod): Promise<AdaptedLlama> {
  const adapted = new AdaptedLlama(model);
  adapted.add(first, await startAdapter(model, method));
  return adapted;
}

/**
 * A model with the adapter of a folder, of peft or of `AdaptedLlama.save`, named 'default'.
 * @throws Error in one line when the files do not fit each other or the model; nothing is changed then.
 */
export async function loadAdapted(model: Llama, folder: string): Promise<AdaptedLlama> {
  const adapted = new AdaptedLlama(model);
  adapted.add(first, await loadAdapter(model, folder));
  return adapted;
}

/** One adapter out of a folder, for `AdaptedLlama.add`. Throws as `loadAdapted` does. */
export async function loadAdapter(model: Llama, folder: string): Promise<Adapter> {
  const { method, arrays, base } = await readAdapter(folder, model.config);
  for (const [name, array] of base) await requireSame(model, name, array, folder);
  return makeAdapter(model, method, arrays);
}

/** @throws Error when the model has other numbers there. */
async function requireSame(model: Llama, name: string, array: NdArray, folder: string): Promise<void> {
  const own = model.has(name) ? await toNdArray(model.parameter(name)) : undefined;
  if (own?.data.every((value, n) => value === array.data[n])) return;
  throw new Error(`${folder}: made for another base model: ${name} has other numbers in it`);
}

/** A new adapter, for `AdaptedLlama.add`. Throws as `adapt` does. */
export async function startAdapter(model: Llama, method: FineTuningMethod): Promise<Adapter> {
  return makeAdapter(model, method, await startOf(model, method));
}

async function startOf(model: Llama, method: FineTuningMethod): Promise<Map<string, NdArray>> {
  const { config } = model;
  switch (method.method) {
    case 'lora': {
      const magnitudes = method.dora ? await magnitudesOf(model) : new Map<string, NdArray>();
      return loraStart(method, config, (module) => magnitudes.get(module)!);
    }
    case 'ia3':
      return ia3Start(method, config);
    case 'bottleneck':
      return bottleneckStart(method, config);
    case 'bitfit':
      return biasStart(method, config);
    case 'weights':
      return new Map();
    default: {
      const rows =
        method.method === 'prompt-tuning' && method.from
          ? await toNdArray(model.parameter(names.embedding))
          : ndarray([0]);
      return virtualStart(method, config, (id) => rows.data.subarray(id * config.C, (id + 1) * config.C));
    }
  }
}

async function magnitudesOf(model: Llama): Promise<Map<string, NdArray>> {
  const magnitudes = new Map<string, NdArray>();
  for (const module of linearShapes(model.config).keys()) {
    const tied = model.config.tied && module === 'lm_head';
    const norms = doraMagnitude(model.parameter(tied ? names.embedding : `${module}.weight`));
    magnitudes.set(module, await toNdArray(norms));
    norms.dispose();
  }
  return magnitudes;
}

function makeAdapter(model: Llama, method: FineTuningMethod, arrays: ReadonlyMap<string, NdArray>): Adapter {
  const { config } = model;
  switch (method.method) {
    case 'lora':
      return new LoraAdapter(method, config, arrays);
    case 'ia3':
      return new Ia3Adapter(method, arrays);
    case 'prefix-tuning':
      return new PrefixAdapter(method, config, arrays);
    case 'prompt-tuning':
    case 'p-tuning':
      return new PromptAdapter(method, config, arrays);
    case 'bottleneck':
      return new BottleneckAdapter(method, arrays);
    case 'bitfit':
      return new BiasAdapter(method, arrays);
    case 'weights': {
      const adapter = new WeightsAdapter(method, model);
      adapter.assign(arrays);
      return adapter;
    }
  }
}
