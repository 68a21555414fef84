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

/** Turns a result and its bound into the number that the next operation sees. */
type Settle = (result: Bounded) => Bounded;

/** A logit off by more than its bound, over all logits of a case, has at most this probability. */
const failure = 1e-9;
const samples = 4;

/** Bounds of the logits [B,T,V] for ids [B,T]. */
export function llamaErrors(config: LlamaConfig, arrays: LlamaArrays, ids: NdArray): Bounded {
  const value = forward(config, arrays, ids, (result) => exact(result.value));
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
    forward(config, arrays, ids, shaken).data.forEach((x, n) => {
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
 * as sum_v |softmax_v - onehot_v| <= 2.
 */
export function llamaLossErrors({ value, error }: Bounded, ids: NdArray): Bounded {
  const [B, T, V] = value.shape as [number, number, number];
  const targets = ndarray([B, T]);
  targets.data.forEach((_, n) => {
    targets.data[n] = n % T === T - 1 ? -100 : ids.data[n + 1]!;
  });
  const { loss } = crossEntropyErrors(value, targets, undefined, -100);
  let carried = 0;
  for (let row = 0; row < B * T; row++) {
    if (row % T === T - 1) continue;
    const largest = error.data.subarray(row * V, (row + 1) * V).reduce((a, b) => Math.max(a, b), 0);
    carried += (2 * largest) / (B * (T - 1));
  }
  return { value: loss.value, error: ndarray([], [loss.error.data[0]! + carried]) };
}

function forward(config: LlamaConfig, arrays: LlamaArrays, ids: NdArray, settle: Settle): NdArray {
  const { C, V, eps, tied, layers, normalization = 'rms' } = config;
  const [B, T] = ids.shape as [number, number];
  const weight = (name: string) => arrays.get(name)!;
  const project = (x: Bounded, name: string) => {
    const product = settle(matmul(x, transposeLast(exact(weight(name)))));
    const bias = arrays.get(name.replace(/weight$/, 'bias'));
    return bias ? settle(add(product, exact(bias))) : product;
  };
  const norm = (x: Bounded, name: string) =>
    normalization === 'none' ? x : settle(rmsNormErrors(x.value, weight(name), undefined, eps).out);
  const embedding = weight(names.embedding);
  const start = ndarray([B * T, C]);
  ids.data.forEach((id, n) => {
    start.data.set(embedding.data.subarray(id * C, (id + 1) * C), n * C);
  });
  let x = exact(start);
  for (let layer = 0; layer < layers; layer++) {
    const at = (part: string) => names.layer(layer, part);
    x = settle(add(x, attend(norm(x, at('input_layernorm')), at)));
    const normed = norm(x, at('post_attention_layernorm'));
    x = settle(add(x, config.experts ? experts(normed, at) : feedForward(normed, at)));
  }
  const head = project(norm(x, names.norm), tied ? names.embedding : names.head);
  return ndarray([B, T, V], head.value.data);

  function attend(normed: Bounded, at: (part: string) => string): Bounded {
    const { H, K, D, window, positions = 'rope' } = config;
    const { inverseFrequencies, attentionFactor } = scaledRopeFrequencies(config.rope, T);
    const places = Array.from({ length: T }, (_, t) => t);
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
    const k = turn(heads('k_proj', K));
    const { out } = attentionErrors(q, k, heads('v_proj', K), undefined, rule);
    const joined = reshape(permute(settle(out), [0, 2, 1, 3]), [B * T, H * D]);
    return project(joined, at('self_attn.o_proj'));
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
