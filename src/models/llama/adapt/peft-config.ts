/**
 * `adapter_config.json` as peft writes it, read into a method and written from one. What would change the result and is not
 * done here is refused by name. Methods that peft does not have get a `peft_type` of this library.
 */
import type { ActivationKind } from '../../../layers/activation/kinds.js';
import type { LlamaConfig } from '../config.js';
import { ia3Targets } from './ia3-adapter.js';
import { loraModules, loraTargets } from './lora-adapter.js';
import type {
  BitFitMethod,
  BottleneckMethod,
  FineTuningMethod,
  Ia3Method,
  LoraMethod,
  PrefixMethod,
  PromptMethod,
  PTuningMethod,
  Targets,
  WeightsMethod,
} from './methods.js';

const own = {
  bottleneck: 'KERNELBOOK_BOTTLENECK',
  bitfit: 'KERNELBOOK_BITFIT',
  weights: 'KERNELBOOK_WEIGHTS',
} as const;

type Json = Record<string, unknown>;

/** Fields that say nothing about what the adapter computes, or say it again. */
const informative = [
  'auto_mapping',
  'base_model_name_or_path',
  'encoder_dropout',
  'inference_mode',
  'init_ia3_weights',
  'init_weights',
  'loftq_config',
  'megatron_core',
  'num_attention_heads',
  'peft_type',
  'peft_version',
  'prompt_tuning_init',
  'prompt_tuning_init_text',
  'qalora_group_size',
  'revision',
  'runtime_config',
  'eva_config',
  'corda_config',
  'lora_ga_config',
  'task_type',
  'tokenizer_kwargs',
  'tokenizer_name_or_path',
];

/** @throws Error in one line: an unknown `peft_type`, a field that is missing, wrong or asks for what is not done here. */
export function methodOf(json: unknown, file: string, config: LlamaConfig): FineTuningMethod {
  if (typeof json !== 'object' || json === null || Array.isArray(json)) {
    throw new Error(`${file}: must hold a JSON object`);
  }
  const fields = new Fields(json as Json, file);
  const method = readMethod(fields, config);
  fields.assertAllRead();
  return method;
}

function readMethod(fields: Fields, config: LlamaConfig): FineTuningMethod {
  const type = fields.get('peft_type');
  switch (type) {
    case 'LORA':
      return readLora(fields);
    case 'IA3':
      return {
        method: 'ia3',
        targets: fields.targets('target_modules') ?? ia3Targets.targets,
        feedForward: fields.targets('feedforward_modules') ?? [],
      };
    case 'PREFIX_TUNING':
      fields.baseModel('token_dim', config.K * config.D);
      fields.baseModel('num_layers', config.layers);
      fields.ignore('encoder_hidden_size', 'prefix_projection');
      fields.must('num_transformer_submodules', 1);
      return { method: 'prefix-tuning', tokens: fields.count('num_virtual_tokens') };
    case 'PROMPT_TUNING':
    case 'P_TUNING':
      return readPrompt(fields, config, type);
    case own.bottleneck:
      return {
        method: 'bottleneck',
        width: fields.count('width'),
        placement: fields.get('placement') === 'pfeiffer' ? 'pfeiffer' : 'houlsby',
        activation: String(fields.get('activation') ?? 'relu') as ActivationKind,
      };
    case own.bitfit:
      return { method: 'bitfit', targets: fields.targets('target_modules') ?? 'all-linear' };
    case own.weights:
      return {
        method: 'weights',
        ...(fields.numbers('layers') && { layers: fields.numbers('layers')! }),
        head: fields.flag('head', true),
      };
    default:
      throw fields.wrong('peft_type', 'LORA, IA3, PREFIX_TUNING, PROMPT_TUNING or P_TUNING');
  }
}

function readLora(fields: Fields): LoraMethod {
  fields.ignore('layers_pattern');
  if (
    fields.get('layers_pattern') &&
    ![fields.get('layers_pattern')].flat().every((name) => name === 'layers')
  ) {
    throw fields.wrong('layers_pattern', "absent or 'layers'");
  }
  fields.must('bias', 'none');
  const start = fields.get('init_lora_weights') ?? true;
  if (![true, false, 'gaussian', 'orthogonal', 'eva'].includes(start as string)) {
    throw fields.wrong('init_lora_weights', 'true, false or gaussian: others change the base model');
  }
  const layers = fields.numbers('layers_to_transform');
  return {
    method: 'lora',
    rank: fields.count('r'),
    alpha: fields.number('lora_alpha') ?? 8,
    targets: fields.targets('target_modules') ?? loraTargets,
    exclude: fields.targets('exclude_modules') ?? [],
    ...(layers && { layers }),
    rankPattern: fields.pattern('rank_pattern'),
    alphaPattern: fields.pattern('alpha_pattern'),
    rsLora: fields.flag('use_rslora', false),
    dora: fields.flag('use_dora', false),
    dropout: fields.number('lora_dropout') ?? 0,
  };
}

function readPrompt(
  fields: Fields,
  config: LlamaConfig,
  type: 'PROMPT_TUNING' | 'P_TUNING',
): PromptMethod | PTuningMethod {
  fields.baseModel('token_dim', config.C);
  fields.baseModel('num_layers', config.layers);
  fields.must('num_transformer_submodules', 1);
  const tokens = fields.count('num_virtual_tokens');
  if (type === 'PROMPT_TUNING') return { method: 'prompt-tuning', tokens };
  return {
    method: 'p-tuning',
    tokens,
    encoder: fields.get('encoder_reparameterization_type') === 'LSTM' ? 'LSTM' : 'MLP',
    ...(fields.number('encoder_hidden_size') && { hidden: fields.count('encoder_hidden_size') }),
    ...(fields.number('encoder_num_layers') && { encoderLayers: fields.count('encoder_num_layers') }),
  };
}

/** The fields of the file with their types; null counts as absent. */
class Fields {
  private readonly read = new Set(informative);

  constructor(
    private readonly json: Json,
    private readonly file: string,
  ) {}

  get(name: string): unknown {
    this.read.add(name);
    return this.json[name] ?? undefined;
  }

  ignore(...names: string[]): void {
    for (const name of names) this.read.add(name);
  }

  wrong(name: string, wanted: string): Error {
    return new Error(
      `${this.file}: ${name} must be ${wanted}, got ${JSON.stringify(this.json[name] ?? null)}`,
    );
  }

  count(name: string): number {
    const value = this.number(name);
    if (value !== undefined && Number.isInteger(value) && value >= 1) return value;
    throw this.wrong(name, 'a positive integer');
  }

  number(name: string): number | undefined {
    const value = this.get(name);
    if (value === undefined || typeof value === 'number') return value;
    throw this.wrong(name, 'a number');
  }

  flag(name: string, fallback: boolean): boolean {
    const value = this.get(name) ?? fallback;
    if (typeof value === 'boolean') return value;
    throw this.wrong(name, 'true or false');
  }

  targets(name: string): Targets | undefined {
    const value = this.get(name);
    if (value === undefined || typeof value === 'string') return value;
    if (Array.isArray(value) && value.every((item) => typeof item === 'string')) return value;
    throw this.wrong(name, 'a list of names or a regular expression');
  }

  numbers(name: string): number[] | undefined {
    const value = this.get(name);
    if (value === undefined) return undefined;
    const list = [value].flat();
    if (list.every((item): item is number => typeof item === 'number')) return list;
    throw this.wrong(name, 'a list of numbers');
  }

  pattern(name: string): Record<string, number> {
    const value = this.get(name) ?? {};
    if (typeof value === 'object' && Object.values(value).every((item) => typeof item === 'number')) {
      return value as Record<string, number>;
    }
    throw this.wrong(name, 'an object of numbers');
  }

  must(name: string, wanted: unknown): void {
    const value = this.get(name);
    if (value !== undefined && value !== wanted) throw this.wrong(name, JSON.stringify(wanted));
  }

  /** A size of the model that the adapter was made for. */
  baseModel(name: string, here: number): void {
    const value = this.number(name);
    if (value === undefined || value === here) return;
    throw new Error(
      `${this.file}: made for another base model: ${name} is ${value}, that of this model is ${here}`,
    );
  }

  /** @throws Error for a field that says something and was not asked for. */
  assertAllRead(): void {
    const empty = (value: unknown) =>
      value === null || value === false || (typeof value === 'object' && Object.keys(value).length === 0);
    const left = Object.keys(this.json).filter((name) => !this.read.has(name) && !empty(this.json[name]));
    if (left.length === 0) return;
    throw new Error(
      `${this.file}: ${left.map((name) => `${name} ${JSON.stringify(this.json[name])}`).join(', ')} is not supported here`,
    );
  }
}

/** The file for a method, with the modules by their whole names, as peft writes them when names are ambiguous. */
export function peftConfig(method: FineTuningMethod, config: LlamaConfig): Json {
  const common = {
    auto_mapping: null,
    base_model_name_or_path: null,
    inference_mode: true,
    revision: null,
    task_type: 'CAUSAL_LM',
  };
  return { ...common, ...specific(method, config) };
}

function specific(method: FineTuningMethod, config: LlamaConfig): Json {
  switch (method.method) {
    case 'lora':
      return loraConfig(method, config);
    case 'ia3':
      return ia3Config(method);
    case 'prefix-tuning':
    case 'prompt-tuning':
    case 'p-tuning':
      return virtualConfig(method, config);
    case 'bottleneck':
      return ownConfig(method, {
        width: method.width,
        placement: method.placement ?? 'houlsby',
        activation: method.activation ?? 'relu',
      });
    case 'bitfit':
      return ownConfig(method, { target_modules: method.targets ?? 'all-linear' });
    case 'weights':
      return ownConfig(method, { layers: method.layers ?? null, head: method.head ?? true });
  }
}

function ownConfig({ method }: BottleneckMethod | BitFitMethod | WeightsMethod, fields: Json): Json {
  return { peft_type: own[method], ...fields };
}

function loraConfig(method: LoraMethod, config: LlamaConfig): Json {
  return {
    peft_type: 'LORA',
    r: method.rank ?? 8,
    lora_alpha: method.alpha ?? method.rank ?? 8,
    lora_dropout: method.dropout ?? 0,
    target_modules: loraModules(method, config),
    rank_pattern: method.rankPattern ?? {},
    alpha_pattern: method.alphaPattern ?? {},
    use_rslora: method.rsLora ?? false,
    use_dora: method.dora ?? false,
    bias: 'none',
    fan_in_fan_out: false,
    init_lora_weights: true,
    modules_to_save: null,
  };
}

function ia3Config(method: Ia3Method): Json {
  return {
    peft_type: 'IA3',
    target_modules: method.targets ?? ia3Targets.targets,
    feedforward_modules: method.feedForward ?? ia3Targets.feedForward,
    fan_in_fan_out: false,
    init_ia3_weights: true,
    modules_to_save: null,
  };
}

function virtualConfig(method: PrefixMethod | PromptMethod | PTuningMethod, config: LlamaConfig): Json {
  const { C, H, K, D, layers } = config;
  const common = { num_virtual_tokens: method.tokens, num_layers: layers, num_transformer_submodules: 1 };
  if (method.method === 'prefix-tuning') {
    return {
      peft_type: 'PREFIX_TUNING',
      ...common,
      num_attention_heads: K,
      token_dim: K * D,
      encoder_hidden_size: method.hidden ?? K * D,
      // The MLP is not part of the file: what it gave is.
      prefix_projection: false,
    };
  }
  const prompt = { ...common, num_attention_heads: H, token_dim: C };
  if (method.method === 'prompt-tuning') {
    return { peft_type: 'PROMPT_TUNING', ...prompt, prompt_tuning_init: 'RANDOM' };
  }
  return {
    peft_type: 'P_TUNING',
    ...prompt,
    encoder_reparameterization_type: method.encoder ?? 'MLP',
    encoder_hidden_size: method.hidden ?? C,
    encoder_num_layers: method.encoderLayers ?? 2,
    encoder_dropout: 0,
  };
}
