/**
 * What a Llama is made of, in the letters of the library, read from a Hugging Face `config.json` (Llama: Touvron et al.
 * 2023, arXiv:2302.13971; Mixtral: Jiang et al. 2024, arXiv:2401.04088). The names and shapes of all parameters follow
 * from it, so they are counted without any weights. What the model cannot do is refused by name, never ignored.
 */
import { sizeOf } from '../../compute/ndarray.js';
import type { RopeConfig, RopeParameters } from '../../layers/position/rope-scaling.js';

export interface LlamaConfig {
  /** Vocabulary. */
  V: number;
  /** Model dim. */
  C: number;
  /** Hidden dim of the feed-forward layers (of each expert, where there are experts). */
  F: number;
  layers: number;
  /** Query heads. */
  H: number;
  /** Key/value heads. */
  K: number;
  /** Head dim. */
  D: number;
  /** Added to the mean square in RMSNorm. */
  eps: number;
  /** What decides the rotation; see `scaledRopeFrequencies`. */
  rope: RopeConfig;
  /** The output head is the embedding. */
  tied: boolean;
  /** Each position sees only this many keys. */
  window?: number;
  /** E experts in place of each feed-forward layer, of which each token takes topK. */
  experts?: { E: number; topK: number };
  /** The projections of the attention layers have biases. */
  attentionBias?: boolean;
  /** The linear maps of the feed-forward layers have biases; not with experts. */
  feedForwardBias?: boolean;
  /** Ends a generated text. */
  eos?: number;
  /** 'none' leaves the rotation out, for ablations. Default 'rope'. */
  positions?: 'rope' | 'none';
  /** 'none' leaves every RMSNorm out, for ablations. Default 'rms'. */
  normalization?: 'rms' | 'none';
}

const caller = 'llamaConfig';

/**
 * @param json the parsed `config.json` of a llama, mistral or mixtral model
 * @throws TypeError when a field is missing or has the wrong type; RangeError when the model needs something that is
 *   not implemented (another activation, biases where its kind has none, quantised weights) or the sizes do not fit together.
 */
export function llamaConfig(json: unknown): LlamaConfig {
  if (typeof json !== 'object' || json === null || Array.isArray(json)) {
    throw new TypeError(`${caller}: needs the object of a config.json, got ${JSON.stringify(json)}`);
  }
  const fields = new Fields(json as Record<string, unknown>);
  const type = fields.oneOf('model_type', ['llama', 'mistral', 'mixtral']);
  fields.oneOf('hidden_act', ['silu'], 'silu');
  fields.must('quantization_config', undefined);
  const C = fields.count('hidden_size');
  const H = fields.count('num_attention_heads');
  const K = fields.count('num_key_value_heads', H);
  const D = fields.count('head_dim', C / H);
  if (H % K !== 0) {
    throw new RangeError(
      `${caller}: num_attention_heads (${H}) must be a multiple of num_key_value_heads (${K})`,
    );
  }
  const window = fields.number('sliding_window');
  const eos = fields.number('eos_token_id');
  return {
    V: fields.count('vocab_size'),
    C,
    F: fields.count('intermediate_size'),
    layers: fields.count('num_hidden_layers'),
    H,
    K,
    D,
    eps: fields.number('rms_norm_eps') ?? 1e-6,
    rope: {
      head_dim: D,
      max_position_embeddings: fields.number('max_position_embeddings'),
      rope_theta: fields.number('rope_theta'),
      rope_parameters: fields.parameters('rope_parameters') ?? fields.parameters('rope_scaling'),
    },
    tied: fields.flag('tie_word_embeddings', false),
    ...(window === undefined || type === 'llama' ? {} : { window }),
    ...(type === 'mixtral'
      ? { experts: { E: fields.count('num_local_experts'), topK: fields.count('num_experts_per_tok') } }
      : {}),
    ...biases(fields, type),
    ...(eos === undefined ? {} : { eos }),
  };
}

/** Transformers has them in its llama only. */
function biases(fields: Fields, type: string): Pick<LlamaConfig, 'attentionBias' | 'feedForwardBias'> {
  if (type !== 'llama') {
    for (const name of ['attention_bias', 'mlp_bias']) fields.must(name, false);
  }
  return {
    ...(fields.flag('attention_bias', false) && { attentionBias: true }),
    ...(fields.flag('mlp_bias', false) && { feedForwardBias: true }),
  };
}

/** The fields of a config.json with their types; null counts as absent, as in Transformers. */
class Fields {
  constructor(private readonly json: Readonly<Record<string, unknown>>) {}

  private get(name: string): unknown {
    return this.json[name] ?? undefined;
  }

  count(name: string, fallback?: number): number {
    const value = this.get(name) ?? fallback;
    if (typeof value === 'number' && Number.isInteger(value) && value >= 1) return value;
    throw new TypeError(`${caller}: ${name} must be a positive integer, got ${JSON.stringify(value)}`);
  }

  /** A list of numbers (several end tokens) gives its first. */
  number(name: string): number | undefined {
    const field = this.get(name);
    const value: unknown = Array.isArray(field) ? field[0] : field;
    if (value === undefined || typeof value === 'number') return value;
    throw new TypeError(`${caller}: ${name} must be a number, got ${JSON.stringify(value)}`);
  }

  flag(name: string, fallback: boolean): boolean {
    const value = this.get(name) ?? fallback;
    if (typeof value === 'boolean') return value;
    throw new TypeError(`${caller}: ${name} must be true or false, got ${JSON.stringify(value)}`);
  }

  parameters(name: string): RopeParameters | undefined {
    const value = this.get(name);
    if (value === undefined || (typeof value === 'object' && !Array.isArray(value))) {
      return value as RopeParameters | undefined;
    }
    throw new TypeError(`${caller}: ${name} must be an object, got ${JSON.stringify(value)}`);
  }

  oneOf(name: string, choices: readonly string[], fallback?: string): string {
    const value = this.get(name) ?? fallback;
    if (choices.includes(value as string)) return value as string;
    throw new RangeError(
      `${caller}: ${name} ${JSON.stringify(value)} is not supported; supported: ${choices.join(', ')}`,
    );
  }

  must(name: string, wanted: false | undefined): void {
    const value = this.get(name);
    if (value === undefined || value === wanted) return;
    throw new RangeError(`${caller}: ${name} ${JSON.stringify(value)} is not supported; it must be absent`);
  }
}

/** Names under which Hugging Face stores the parameters, without the layer. */
export const names = {
  embedding: 'model.embed_tokens.weight',
  norm: 'model.norm.weight',
  head: 'lm_head.weight',
  layer: (layer: number, part: string) => `model.layers.${layer}.${part}.weight`,
  bias: (layer: number, part: string) => `model.layers.${layer}.${part}.bias`,
  expert: (expert: number, part: 'w1' | 'w2' | 'w3') => `block_sparse_moe.experts.${expert}.${part}`,
} as const;

/** Shape of every parameter by its Hugging Face name; weights are [out, in]. */
export function parameterShapes(config: LlamaConfig): Map<string, number[]> {
  const { V, C, F, layers, H, K, D, tied, experts, attentionBias, feedForwardBias } = config;
  const shapes = new Map<string, number[]>([[names.embedding, [V, C]]]);
  for (let layer = 0; layer < layers; layer++) {
    const set = (part: string, shape: number[]) => shapes.set(names.layer(layer, part), shape);
    const setLinear = (part: string, shape: [out: number, inner: number], biased: boolean | undefined) => {
      set(part, shape);
      if (biased) shapes.set(names.bias(layer, part), [shape[0]]);
    };
    set('input_layernorm', [C]);
    setLinear('self_attn.q_proj', [H * D, C], attentionBias);
    setLinear('self_attn.k_proj', [K * D, C], attentionBias);
    setLinear('self_attn.v_proj', [K * D, C], attentionBias);
    setLinear('self_attn.o_proj', [C, H * D], attentionBias);
    set('post_attention_layernorm', [C]);
    if (experts) set('block_sparse_moe.gate', [experts.E, C]);
    else {
      setLinear('mlp.gate_proj', [F, C], feedForwardBias);
      setLinear('mlp.up_proj', [F, C], feedForwardBias);
      setLinear('mlp.down_proj', [C, F], feedForwardBias);
    }
    for (let e = 0; e < (experts?.E ?? 0); e++) {
      set(names.expert(e, 'w1'), [F, C]);
      set(names.expert(e, 'w3'), [F, C]);
      set(names.expert(e, 'w2'), [C, F]);
    }
  }
  shapes.set(names.norm, [C]);
  if (!tied) shapes.set(names.head, [V, C]);
  return shapes;
}

/** How many numbers are learned; a tied head counts once. Llama-2-7B: 6,738,415,616. */
export function parameterCount(config: LlamaConfig): number {
  let count = 0;
  for (const shape of parameterShapes(config).values()) count += sizeOf(shape);
  return count;
}
