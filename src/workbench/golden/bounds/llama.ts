/**
 * How far the float32 logits of a whole model may be off. Errors carried from layer to layer by absolute values, as for
 * single operations, would grow by the sum of |weights| at every product and say nothing after two layers. Instead the
 * rounding errors of the operations are taken as independent with mean zero (Higham & Mary 2019, SIAM J. Sci. Comput.
 * 41(5), "A new approach to probabilistic rounding error analysis"), each no larger than the operation's own worst case
 * from `running-error.ts`: by Hoeffding's inequality a logit is then off by more than lambda * sigma with probability below
 * 2 exp(-lambda^2 / 2), where sigma^2 = sum over all operations of (derivative * worst case)^2. Sigma is measured: the
 * model runs in float64 a few times with every result moved by +- its own worst case, signs at random.
 */
import { type NdArray, ndarray } from '../../../compute/ndarray.js';
import { seededUniform } from '../../../compute/random.js';
import { scaledRopeFrequencies } from '../../../layers/position/rope-scaling.js';
import { type LlamaConfig, names } from '../../../models/llama/config.js';
import type { LlamaArrays } from '../../../models/llama/weights.js';
import {
  add,
  type Bounded,
  exact,
  matmul,
  multiply,
  permute,
  reshape,
  transposeLast,
} from '../running-error.js';
import { gatedErrors } from './activation.js';
import { attentionErrors } from './attention.js';
import { crossEntropyErrors } from './cross-entropy.js';
import { columnOf, routingErrors } from './mixture-of-experts.js';
import { rmsNormErrors } from './rms-norm.js';
import { rotationErrors } from './rope.js';
import { joined, leaf, spreadTo } from './tape.js';

/** Turns a result and its bound into the number that the next operation sees. */
export type Settle = (result: Bounded) => Bounded;

/** A logit off by more than its bound, over all logits of a case, has at most this probability. */
const failure = 1e-9;
const samples = 4;

/** What an adapter changes in the formula. */
export interface AdaptedFormula {
  /** x W^T + b of one linear layer, `module` its name; undefined where it is left alone. */
  linear?(
    module: string,
    x: Bounded,
    weight: NdArray,
    bias: NdArray | undefined,
    settle: Settle,
  ): Bounded | undefined;
  /** Weights and biases that were themselves computed, by the name of the parameter. */
  weights?: ReadonlyMap<string, Bounded>;
  /** [P,C] */
  prompt?: NdArray;
  /** Keys and values [K,P,D] of a layer. */
  prefix?(layer: number): { k: NdArray; v: NdArray };
}

/** Bounds of the logits [B,T,V] for ids [B,T]; with a prompt [B,P+T,V]. */
export function llamaErrors(
  config: LlamaConfig,
  arrays: LlamaArrays,
  ids: NdArray,
  adapted: AdaptedFormula = {},
): Bounded {
  const value = forward(config, arrays, ids, (result) => exact(result.value), adapted);
  const uniform = seededUniform(1);
  const shaken: Settle = ({ value: at, error }) =>
    exact(
      ndarray(
        at.shape,
        at.data.map((x, n) => x + (uniform() < 0.5 ? -1 : 1) * error.data[n]!),
      ),
    );
  const squares = ndarray(value.shape);
  for (let sample = 0; sample < samples; sample++) {
    forward(config, arrays, ids, shaken, adapted).data.forEach((x, n) => {
      squares.data[n]! += (x - value.data[n]!) ** 2 / samples;
    });
  }
  const lambda = Math.sqrt(2 * Math.log((2 * value.data.length) / failure));
  const V = config.V;
  const error = ndarray(value.shape);
  for (let row = 0; row < value.data.length; row += V) {
    // A few samples of one logit may all come out small by chance; those of its row together do not.
    const mean = squares.data.subarray(row, row + V).reduce((sum, square) => sum + square / V, 0);
    for (let v = row; v < row + V; v++) error.data[v] = lambda * Math.sqrt(Math.max(squares.data[v]!, mean));
  }
  return { value, error };
}

/**
 * Bound of the mean next-token loss given that of the logits: a loss moves by at most twice the largest error of its row,
 * as sum_v |softmax_v - onehot_v| <= 2. Logits of P more positions than ids are those behind a prompt.
 */
export function llamaLossErrors({ value, error }: Bounded, ids: NdArray): Bounded {
  const [B, positions, V] = value.shape as [number, number, number];
  const T = ids.shape[1]!;
  const P = positions - T;
  const counted = P === 0 ? T - 1 : T;
  const targets = ndarray([B, positions]);
  // The token behind position t of the logits is number t + 1 - P of the ids.
  targets.data.forEach((_, n) => {
    const next = (n % positions) + 1 - P;
    targets.data[n] = next < 0 || next >= T ? -100 : ids.data[Math.floor(n / positions) * T + next]!;
  });
  const { loss } = crossEntropyErrors(value, targets, undefined, -100);
  let carried = 0;
  for (let row = 0; row < B * positions; row++) {
    if (targets.data[row]! < 0) continue;
    const largest = error.data.subarray(row * V, (row + 1) * V).reduce((a, b) => Math.max(a, b), 0);
    carried += (2 * largest) / (B * counted);
  }
  return { value: loss.value, error: ndarray([], [loss.error.data[0]! + carried]) };
}

function forward(
  config: LlamaConfig,
  arrays: LlamaArrays,
  ids: NdArray,
  settle: Settle,
  adapted: AdaptedFormula,
): NdArray {
  const { C, V, eps, tied, layers, normalization = 'rms' } = config;
  const B = ids.shape[0]!;
  const weight = (name: string) => arrays.get(name)!;
  const computed = (name: string) => {
    const bounded = adapted.weights?.get(name);
    return bounded ? settle(bounded) : exact(weight(name));
  };
  const project = (x: Bounded, name: string, module = name.replace(/\.weight$/, '')) => {
    const bias = name.replace(/weight$/, 'bias');
    const own = adapted.linear?.(module, x, weight(name), arrays.get(bias), settle);
    if (own) return own;
    const product = settle(matmul(x, transposeLast(computed(name))));
    return arrays.has(bias) ? settle(add(product, computed(bias))) : product;
  };
  const norm = (x: Bounded, name: string) =>
    normalization === 'none' ? x : settle(rmsNormErrors(x.value, weight(name), undefined, eps).out);
  const embedding = weight(names.embedding);
  const P = adapted.prompt?.shape[0] ?? 0;
  const T = P + ids.shape[1]!;
  const start = ndarray([B * T, C]);
  for (let n = 0; n < B * T; n++) {
    const [b, t] = [Math.floor(n / T), (n % T) - P];
    const id = ids.data[b * (T - P) + t]!;
    const from =
      t < 0
        ? adapted.prompt!.data.subarray((n % T) * C, ((n % T) + 1) * C)
        : embedding.data.subarray(id * C, (id + 1) * C);
    start.data.set(from, n * C);
  }
  let x = exact(start);
  for (let layer = 0; layer < layers; layer++) {
    const at = (part: string) => names.layer(layer, part);
    x = settle(add(x, attend(norm(x, at('input_layernorm')), at, adapted.prefix?.(layer))));
    const normed = norm(x, at('post_attention_layernorm'));
    x = settle(add(x, config.experts ? experts(normed, at) : feedForward(normed, at)));
  }
  const head = project(norm(x, names.norm), tied ? names.embedding : names.head, 'lm_head');
  return ndarray([B, T, V], head.value.data);

  function attend(
    normed: Bounded,
    at: (part: string) => string,
    prefix: { k: NdArray; v: NdArray } | undefined,
  ): Bounded {
    const { H, K, D, window, positions = 'rope' } = config;
    const ahead = prefix?.k.shape[1] ?? 0;
    const { inverseFrequencies, attentionFactor } = scaledRopeFrequencies(config.rope, ahead + T);
    const places = Array.from({ length: T }, (_, t) => ahead + t);
    const heads = (part: string, count: number) =>
      permute(reshape(project(normed, at(`self_attn.${part}`)), [B, T, count, D]), [0, 2, 1, 3]);
    const turn = (a: Bounded) =>
      positions === 'none'
        ? a
        : settle(
            rotationErrors(
              a,
              places,
              'half',
              { frequencies: inverseFrequencies, factor: attentionFactor },
              1,
            ),
          );
    const rule = { causal: true, window };
    const q = turn(heads('q_proj', H));
    const behind = (own: NdArray | undefined, rest: Bounded) =>
      own ? joined([spreadTo(leaf(own), [B, ...own.shape]), rest], 2) : rest;
    const k = behind(prefix?.k, turn(heads('k_proj', K)));
    const { out } = attentionErrors(q, k, behind(prefix?.v, heads('v_proj', K)), undefined, rule);
    const rows = reshape(permute(settle(out), [0, 2, 1, 3]), [B * T, H * D]);
    return project(rows, at('self_attn.o_proj'));
  }

  function feedForward(rows: Bounded, at: (part: string) => string): Bounded {
    return swiGlu(rows, at('mlp.up_proj'), at('mlp.gate_proj'), at('mlp.down_proj'));
  }

  function experts(rows: Bounded, at: (part: string) => string): Bounded {
    const { E, topK } = config.experts!;
    const routing = settle(routingErrors(project(rows, at('block_sparse_moe.gate')), topK, true).weights);
    let sum = exact(ndarray(rows.value.shape));
    for (let e = 0; e < E; e++) {
      const part = (name: 'w1' | 'w2' | 'w3') => at(names.expert(e, name));
      const y = swiGlu(rows, part('w3'), part('w1'), part('w2'));
      sum = settle(add(sum, settle(multiply(y, columnOf(routing, e)))));
    }
    return sum;
  }

  function swiGlu(rows: Bounded, up: string, gate: string, down: string): Bounded {
    const hidden = settle(gatedErrors(project(rows, up), project(rows, gate), undefined, 'silu').out);
    return project(hidden, down);
  }
}
