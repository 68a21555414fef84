/**
 * A decoder-only language model of the Llama family: embed -> N x [x + attention(norm(x)), x + feedForward(norm(x))] ->
 * norm -> head, with RMSNorm, RoPE on queries and keys, grouped-query attention and SwiGLU (arXiv:2302.13971, section
 * 2.2), or a mixture of experts in place of the feed-forward layer (arXiv:2401.04088). Weights are Hugging Face's.
 */

import type { KernelPath } from '../../compute/path.js';
import { fromNdArray } from '../../compute/read.js';
import { requireAxes, shown } from '../../compute/shapes.js';
import { tf } from '../../compute/tf.js';
import { KvCache } from '../../layers/attention/kv-cache.js';
import { type AttentionWeights, multiHeadAttention } from '../../layers/attention/multi-head-attention.js';
import { swiGluFfn } from '../../layers/feed-forward/feed-forward.js';
import { type LinearWeight, linear } from '../../layers/linear/linear.js';
import { mixtureOfExperts } from '../../layers/moe/mixture-of-experts.js';
import { rmsNorm } from '../../layers/norm/rms-norm.js';
import { scaledRopeFrequencies } from '../../layers/position/rope-scaling.js';
import { type Nf4Options, Nf4Weight } from '../../training/fine-tuning/nf4/nf4-weight.js';
import { withPrompt } from '../../training/fine-tuning/prompt.js';
import { crossEntropy } from '../../training/loss/cross-entropy.js';
import type { Targets } from './adapt/methods.js';
import { targetModules } from './adapt/modules.js';
import type { LlamaAdaptation } from './adaptation.js';
import { type LlamaConfig, names } from './config.js';
import { checkArrays, type LlamaArrays, loadLlama, randomLlama } from './weights.js';

export interface LlamaForwardOptions {
  /** Of `newCaches`: the earlier positions; `ids` continue them and are added. Not for training. */
  caches?: readonly KvCache[];
  /** Logits of the last position only, [B,1,V]. */
  lastOnly?: boolean;
  /** Adapters, prefixes, prompts; with a prompt of P vectors the logits are [B,P+T,V]. */
  adaptation?: LlamaAdaptation;
  path?: KernelPath;
}

export interface LlamaQuantization extends Nf4Options {
  /** Default 'all-linear'. */
  targets?: Targets;
}

export class Llama {
  private readonly variables = new Map<string, tf.Variable>();
  /** Weights in NF4, in place of their variables. */
  private readonly quantized = new Map<string, Nf4Weight>();

  /** @throws Error when the arrays are not those the config wants. */
  constructor(
    readonly config: LlamaConfig,
    arrays: LlamaArrays,
  ) {
    checkArrays(config, arrays);
    for (const [name, array] of arrays) {
      const tensor = fromNdArray(array);
      this.variables.set(name, tf.variable(tensor));
      tensor.dispose();
    }
  }

  /** Reads a folder with `config.json` and safetensors in Hugging Face form. Throws as `loadLlama` does. */
  static async load(folder: string): Promise<Llama> {
    const { config, arrays } = await loadLlama(folder);
    return new Llama(config, arrays);
  }

  /** Random weights, the same for the same seed. */
  static random(config: LlamaConfig, seed: number, std?: number): Llama {
    return new Llama(config, randomLlama(config, seed, std));
  }

  /** All parameters that are not quantised, in the order of their names in `parameterShapes`. */
  get parameters(): tf.Variable[] {
    return [...this.variables.values()];
  }

  /** @throws RangeError when the model has no parameter of this Hugging Face name. */
  parameter(name: string): tf.Variable {
    const variable = this.variables.get(name);
    if (variable) return variable;
    if (this.quantized.has(name)) {
      throw new Error(`Llama: '${name}' is quantised; what needs its numbers needs a model that is not`);
    }
    throw new RangeError(`Llama: there is no parameter '${name}'; see parameterShapes(config)`);
  }

  /** Whether the model has a parameter of this Hugging Face name. */
  has(name: string): boolean {
    return this.variables.has(name);
  }

  /**
   * Replaces linear weights by NF4 (QLoRA: Dettmers et al. 2023, arXiv:2305.14314): an eighth of the memory, frozen. Gradients go
   * through them to adapters.
   * @param options which layers, default all but the head (experts stay as they are), and how
   * @throws RangeError when no layer fits, or a weight is not finite.
   */
  async quantize({ targets = 'all-linear', ...options }: LlamaQuantization = {}): Promise<void> {
    for (const module of targetModules(this.config, targets)) {
      const name = `${module}.weight`;
      const variable = this.variables.get(name);
      if (!variable) continue;
      this.quantized.set(name, await Nf4Weight.of(variable, options));
      this.variables.delete(name);
      variable.dispose();
    }
  }

  /** Bytes of all weights as they are kept: 4 per number, and what NF4 takes. */
  get bytes(): number {
    const floats = this.parameters.reduce((sum, { size }) => sum + 4 * size, 0);
    return [...this.quantized.values()].reduce((sum, { bytes }) => sum + bytes, floats);
  }

  /** An empty cache for every layer, for `forward`; free them with `clear`. */
  newCaches(): KvCache[] {
    const { layers, window } = this.config;
    return Array.from({ length: layers }, () => new KvCache({ window }));
  }

  /**
   * @param ids [B,T], int32, each from 0 to V - 1
   * @returns logits of the next token at every position, [B,T,V], differentiable in the parameters
   * @throws TypeError when ids are not int32; RangeError when they are not [B,T].
   */
  forward(ids: tf.Tensor, options: LlamaForwardOptions = {}): tf.Tensor {
    if (ids?.dtype !== 'int32') {
      throw new TypeError(
        `Llama.forward: ids must be an int32 tensor [B,T], got ${ids?.dtype ?? typeof ids}; convert it with ids.toInt()`,
      );
    }
    requireAxes('Llama.forward', 'ids', ids.shape, 'B,T');
    const { config } = this;
    const { caches, lastOnly = false, adaptation = {}, path } = options;
    return tf.tidy(() => {
      const embedding = this.parameter(names.embedding);
      let x: tf.Tensor = tf.gather(embedding, ids);
      const prompt = (caches?.[0]?.position ?? 0) === 0 ? adaptation.prompt?.() : undefined;
      if (prompt) x = withPrompt(prompt, x);
      const behind = (part: string, y: tf.Tensor) => adaptation.output?.(part, y) ?? y;
      for (let layer = 0; layer < config.layers; layer++) {
        const normal = this.normalize(x, names.layer(layer, 'input_layernorm'), path);
        const attended = this.attend(normal, layer, options);
        x = tf.add(x, behind(`model.layers.${layer}.self_attn`, attended));
        const normed = this.normalize(x, names.layer(layer, 'post_attention_layernorm'), path);
        const fed = this.feedForward(normed, layer, adaptation);
        x = tf.add(x, behind(`model.layers.${layer}.mlp`, fed));
      }
      const [B, positions] = x.shape as [number, number];
      if (lastOnly) x = tf.slice(x, [0, positions - 1, 0], [B, 1, config.C]);
      const head = config.tied ? embedding : this.weight(names.head);
      const adapted = adaptation.weight?.('lm_head', head) ?? head;
      return linear(this.normalize(x, names.norm, path), adapted);
    });
  }

  /**
   * Mean cross-entropy of predicting ids[:, 1:] from what stands before them, in nats per token; behind a prompt the
   * first id is predicted too.
   * @param ids [B,T] with T >= 2, int32
   */
  loss(ids: tf.Tensor, options: Pick<LlamaForwardOptions, 'adaptation' | 'path'> = {}): tf.Tensor {
    const [B, T] = ids.shape as [number, number];
    if (ids.rank !== 2 || T < 2) {
      throw new RangeError(`Llama.loss: ids must be [B,T] with T >= 2, got ${shown(ids.shape)}`);
    }
    return tf.tidy(() => {
      const logits = this.forward(tf.slice(ids, [0, 0], [B, T - 1]), options);
      const P = logits.shape[1]! - (T - 1);
      if (P === 0) return crossEntropy(logits, tf.slice(ids, [0, 1], [B, T - 1]));
      return crossEntropy(tf.slice(logits, [0, P - 1, 0], [B, T, this.config.V]), ids);
    });
  }

  dispose(): void {
    for (const variable of this.variables.values()) variable.dispose();
    for (const weight of this.quantized.values()) weight.dispose();
  }

  private normalize(x: tf.Tensor, name: string, path?: KernelPath): tf.Tensor {
    if (this.config.normalization === 'none') return x;
    return rmsNorm(x, this.parameter(name), { eps: this.config.eps, path });
  }

  /** The weight of a linear layer, or what stands for it. */
  private weight(name: string): LinearWeight {
    return this.quantized.get(name) ?? this.parameter(name);
  }

  private attend(x: tf.Tensor, layer: number, { caches, adaptation, path }: LlamaForwardOptions): tf.Tensor {
    const cache = caches?.[layer];
    const { H, K, rope, window, positions = 'rope' } = this.config;
    const weight = (part: string) => this.adapted(layer, `self_attn.${part}`, adaptation);
    const bias = (part: string) => this.variables.get(names.bias(layer, `self_attn.${part}`));
    const prefix = adaptation?.prefix?.(layer);
    const weights: AttentionWeights<LinearWeight> = {
      wq: weight('q_proj'),
      wk: weight('k_proj'),
      wv: weight('v_proj'),
      wo: weight('o_proj'),
      bq: bias('q_proj'),
      bk: bias('k_proj'),
      bv: bias('v_proj'),
      bo: bias('o_proj'),
    };
    const T = x.shape[1]!;
    const before = cache && cache.position > 0 ? cache.position : (prefix?.k.shape[1] ?? 0);
    const length = before + T;
    const rotation = { layout: 'half', ...scaledRopeFrequencies(rope, length) } as const;
    return multiHeadAttention(x, weights, {
      heads: H,
      kvHeads: K,
      causal: true,
      window,
      path,
      cache,
      prefix,
      ...(positions === 'rope' ? { rope: rotation } : {}),
    });
  }

  private adapted(layer: number, part: string, adaptation: LlamaAdaptation | undefined): LinearWeight {
    const weight = this.weight(names.layer(layer, part));
    return adaptation?.weight?.(`model.layers.${layer}.${part}`, weight) ?? weight;
  }

  private feedForward(x: tf.Tensor, layer: number, adaptation: LlamaAdaptation): tf.Tensor {
    const weight = (part: string) => this.adapted(layer, part, adaptation);
    const bias = (part: string) => this.variables.get(names.bias(layer, part));
    const { experts } = this.config;
    if (!experts) {
      return swiGluFfn(x, {
        wGate: weight('mlp.gate_proj'),
        wUp: weight('mlp.up_proj'),
        wDown: weight('mlp.down_proj'),
        bGate: bias('mlp.gate_proj'),
        bUp: bias('mlp.up_proj'),
        bDown: bias('mlp.down_proj'),
      });
    }
    const own = (part: string) => this.parameter(names.layer(layer, part));
    const each = Array.from({ length: experts.E }, (_, e) => ({
      wGate: own(names.expert(e, 'w1')),
      wUp: own(names.expert(e, 'w3')),
      wDown: own(names.expert(e, 'w2')),
    }));
    const router = own('block_sparse_moe.gate');
    return mixtureOfExperts(x, { router, experts: each }, { topK: experts.topK }).out;
  }
}
