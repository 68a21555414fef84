/** The logits of a Llama in float64, put together from the oracles of its parts; shares no code with the model. */

import { type NdArray, ndarray } from '../../compute/ndarray.js';
import { attentionOracle } from '../../layers/attention/attention-oracle.js';
import { swiGluFfnOracle } from '../../layers/feed-forward/feed-forward-oracle.js';
import { mixtureOfExpertsOracle } from '../../layers/moe/mixture-of-experts-oracle.js';
import { rmsNormOracle } from '../../layers/norm/rms-norm.js';
import { ropeOracle } from '../../layers/position/rope.js';
import { scaledRopeFrequencies } from '../../layers/position/rope-scaling.js';
import { tokenLossesOracle } from '../../training/loss/cross-entropy-oracle.js';
import type { LlamaConfig } from './config.js';
import type { LlamaArrays } from './weights.js';

/** ids [B,T] -> logits [B,T,V]. */
export function llamaOracle(config: LlamaConfig, arrays: LlamaArrays, ids: NdArray): NdArray {
  const { C, eps, tied, normalization = 'rms' } = config;
  const weight = (name: string) => arrays.get(`${name}.weight`)!;
  const norm = (x: NdArray, name: string) =>
    normalization === 'none' ? x : rmsNormOracle(x, weight(name), eps);
  const embedding = weight('model.embed_tokens');
  let x = ndarray([...ids.shape, C]);
  ids.data.forEach((id, n) => {
    x.data.set(embedding.data.subarray(id * C, (id + 1) * C), n * C);
  });
  for (let layer = 0; layer < config.layers; layer++) {
    const at = (part: string) => `model.layers.${layer}.${part}`;
    const bias = (part: string) => arrays.get(`${at(part)}.bias`);
    x = plus(
      x,
      selfAttention(
        config,
        norm(x, at('input_layernorm')),
        (part) => weight(at(`self_attn.${part}`)),
        (part) => bias(`self_attn.${part}`),
      ),
    );
    x = plus(
      x,
      feedForward(config, norm(x, at('post_attention_layernorm')), (part) => weight(at(part)), bias),
    );
  }
  return project(norm(x, 'model.norm'), tied ? embedding : weight('lm_head'));
}

/** Mean loss of ids[:, 1:], in nats per token. */
export function llamaLossOracle(config: LlamaConfig, arrays: LlamaArrays, ids: NdArray): number {
  const [B, T] = ids.shape as [number, number];
  const pick = (from: number) =>
    ndarray(
      [B, T - 1],
      ids.data.filter((_, n) => n % T >= from && n % T < from + T - 1),
    );
  const losses = tokenLossesOracle(llamaOracle(config, arrays, pick(0)), pick(1)).data;
  return losses.reduce((sum, loss) => sum + loss, 0) / losses.length;
}

type Weight = (part: string) => NdArray;
type Bias = (part: string) => NdArray | undefined;

function selfAttention(config: LlamaConfig, x: NdArray, weight: Weight, bias: Bias): NdArray {
  const { H, K, D, rope, window, positions = 'rope' } = config;
  const T = x.shape[1]!;
  const heads = (part: string, count: number) => swapHeads(project(x, weight(part), bias(part)), count, D);
  const turn = (a: NdArray) =>
    positions === 'none'
      ? a
      : ropeOracle(
          a,
          Array.from({ length: T }, (_, t) => t),
          { layout: 'half', ...scaledRopeFrequencies(rope, T) },
        );
  const out = attentionOracle(turn(heads('q_proj', H)), turn(heads('k_proj', K)), heads('v_proj', K), {
    causal: true,
    window,
  });
  return project(joinHeads(out), weight('o_proj'), bias('o_proj'));
}

function feedForward({ experts }: LlamaConfig, x: NdArray, weight: Weight, bias: Bias): NdArray {
  if (!experts) {
    const [wGate, wUp, wDown] = [weight('mlp.gate_proj'), weight('mlp.up_proj'), weight('mlp.down_proj')];
    const [bGate, bUp, bDown] = [bias('mlp.gate_proj'), bias('mlp.up_proj'), bias('mlp.down_proj')];
    return swiGluFfnOracle(x, { wGate, wUp, wDown, bGate, bUp, bDown });
  }
  const each = Array.from({ length: experts.E }, (_, e) => {
    const part = (name: string) => weight(`block_sparse_moe.experts.${e}.${name}`);
    return { wGate: part('w1'), wUp: part('w3'), wDown: part('w2') };
  });
  return mixtureOfExpertsOracle(x, { router: weight('block_sparse_moe.gate'), experts: each }, experts).out;
}

function plus(a: NdArray, b: NdArray): NdArray {
  return ndarray(
    a.shape,
    a.data.map((value, n) => value + b.data[n]!),
  );
}

/** x W^T + b for x [..., in], W [out, in]. */
function project(x: NdArray, weight: NdArray, bias?: NdArray): NdArray {
  const [out, inner] = weight.shape as [number, number];
  const y = ndarray([...x.shape.slice(0, -1), out]);
  for (let row = 0; row * inner < x.data.length; row++) {
    for (let o = 0; o < out; o++) {
      let sum = bias?.data[o] ?? 0;
      for (let i = 0; i < inner; i++) sum += x.data[row * inner + i]! * weight.data[o * inner + i]!;
      y.data[row * out + o] = sum;
    }
  }
  return y;
}

/** [B,T,H D] -> [B,H,T,D]. */
function swapHeads(x: NdArray, H: number, D: number): NdArray {
  const [B, T] = x.shape as [number, number];
  const y = ndarray([B, H, T, D]);
  for (let n = 0; n < y.data.length; n++) {
    const [b, h, t, d] = [
      Math.floor(n / (H * T * D)),
      Math.floor(n / (T * D)) % H,
      Math.floor(n / D) % T,
      n % D,
    ];
    y.data[n] = x.data[((b * T + t) * H + h) * D + d]!;
  }
  return y;
}

/** [B,H,T,D] -> [B,T,H D]. */
function joinHeads(x: NdArray): NdArray {
  const [B, H, T, D] = x.shape as [number, number, number, number];
  const y = ndarray([B, T, H * D]);
  for (let n = 0; n < x.data.length; n++) {
    const [b, h, t, d] = [
      Math.floor(n / (H * T * D)),
      Math.floor(n / (T * D)) % H,
      Math.floor(n / D) % T,
      n % D,
    ];
    y.data[((b * T + t) * H + h) * D + d] = x.data[n]!;
  }
  return y;
}
