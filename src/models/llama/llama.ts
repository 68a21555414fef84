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
import { linear } from '../../layers/linear/linear.js';
import { mixtureOfExperts } from '../../layers/moe/mixture-of-experts.js';
import { rmsNorm } from '../../layers/norm/rms-norm.js';
import { scaledRopeFrequencies } from '../../layers/position/rope-scaling.js';
import { crossEntropy } from '../../training/loss/cross-entropy.js';
import { type LlamaConfig, names } from './config.js';
import { checkArrays, type LlamaArrays, loadLlama, randomLlama } from './weights.js';

export interface LlamaForwardOptions {
  /** Of `newCaches`: the earlier positions; `ids` continue them and are added. Not for training. */
  caches?: readonly KvCache[];
  /** Logits of the last position only, [B,1,V]. */
  lastOnly?: boolean;
  path?: KernelPath;
}

export class Llama {
  private readonly variables = new Map<string, tf.Variable>();

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

  /** All parameters, in the order of their names in `parameterShapes`. */
  get parameters(): tf.Variable[] {
    return [...this.variables.values()];
  }

  /** @throws RangeError when the model has no parameter of this Hugging Face name. */
  parameter(name: string): tf.Variable {
    const variable = this.variables.get(name);
    if (variable) return variable;
    throw new RangeError(`Llama: there is no parameter '${name}'; see parameterShapes(config)`);
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
  forward(ids: tf.Tensor, { caches, lastOnly = false, path }: LlamaForwardOptions = {}): tf.Tensor {
    if (ids?.dtype !== 'int32') {
      throw new TypeError(
        `Llama.forward: ids must be an int32 tensor [B,T], got ${ids?.dtype ?? typeof ids}; convert it with ids.toInt()`,
      );
    }
    requireAxes('Llama.forward', 'ids', ids.shape, 'B,T');
    const { config } = this;
    return tf.tidy(() => {
      const [B, T] = ids.shape as [number, number];
      const embedding = this.parameter(names.embedding);
      let x: tf.Tensor = tf.gather(embedding, ids);
      for (let layer = 0; layer < config.layers; layer++) {
        const normal = this.normalize(x, names.layer(layer, 'input_layernorm'), path);
        x = tf.add(x, this.attend(normal, layer, caches?.[layer], path));
        const normed = this.normalize(x, names.layer(layer, 'post_attention_layernorm'), path);
        x = tf.add(x, this.feedForward(normed, layer));
      }
      if (lastOnly) x = tf.slice(x, [0, T - 1, 0], [B, 1, config.C]);
      const head = config.tied ? embedding : this.parameter(names.head);
      return linear(this.normalize(x, names.norm, path), head);
    });
  }

  /**
   * Mean cross-entropy of predicting ids[:, 1:] from what stands before them, in nats per token.
   * @param ids [B,T] with T >= 2, int32
   */
  loss(ids: tf.Tensor, options: { path?: KernelPath } = {}): tf.Tensor {
    const [B, T] = ids.shape as [number, number];
    if (ids.rank !== 2 || T < 2) {
      throw new RangeError(`Llama.loss: ids must be [B,T] with T >= 2, got ${shown(ids.shape)}`);
    }
    return tf.tidy(() => {
      const logits = this.forward(tf.slice(ids, [0, 0], [B, T - 1]), options);
      return crossEntropy(logits, tf.slice(ids, [0, 1], [B, T - 1]));
    });
  }

  dispose(): void {
    for (const variable of this.variables.values()) variable.dispose();
  }

  private normalize(x: tf.Tensor, name: string, path?: KernelPath): tf.Tensor {
    if (this.config.normalization === 'none') return x;
    return rmsNorm(x, this.parameter(name), { eps: this.config.eps, path });
  }

  private attend(x: tf.Tensor, layer: number, cache: KvCache | undefined, path?: KernelPath): tf.Tensor {
    const { H, K, rope, window, positions = 'rope' } = this.config;
    const weight = (part: string) => this.parameter(names.layer(layer, `self_attn.${part}`));
    const bias = (part: string) => this.variables.get(names.bias(layer, `self_attn.${part}`));
    const weights: AttentionWeights = {
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
    const length = (cache?.position ?? 0) + T;
    const rotation = { layout: 'half', ...scaledRopeFrequencies(rope, length) } as const;
    return multiHeadAttention(x, weights, {
      heads: H,
      kvHeads: K,
      causal: true,
      window,
      path,
      cache,
      ...(positions === 'rope' ? { rope: rotation } : {}),
    });
  }

  private feedForward(x: tf.Tensor, layer: number): tf.Tensor {
    const weight = (part: string) => this.parameter(names.layer(layer, part));
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
    const each = Array.from({ length: experts.E }, (_, e) => ({
      wGate: weight(names.expert(e, 'w1')),
      wUp: weight(names.expert(e, 'w3')),
      wDown: weight(names.expert(e, 'w2')),
    }));
    const router = weight('block_sparse_moe.gate');
    return mixtureOfExperts(x, { router, experts: each }, { topK: experts.topK }).out;
  }
}
