/**
 * The operations of golden cases: how the library computes each, and how far float32 may be off. A new component is
 * one entry here.
 */
import { activation } from '../activation/activation.js';
import { glu, gluGates } from '../activation/glu.js';
import { type ActivationOptions, activationKinds } from '../activation/kinds.js';
import { alibiSlopes } from '../attention/alibi-slopes.js';
import { type AttentionOptions, attention } from '../attention/attention.js';
import { multiHeadAttention } from '../attention/multi-head-attention.js';
import { type NdArray, ndarray } from '../compute/ndarray.js';
import { tf } from '../compute/tf.js';
import { feedForward, swiGluFfn } from '../feed-forward/feed-forward.js';
import { rmsNorm } from '../norm/rms-norm.js';
import type { KernelPath } from '../path.js';
import { type RopeLayout, rope } from '../position/rope.js';
import { activationErrors, gluErrors } from './bounds/activation.js';
import { attentionErrors } from './bounds/attention.js';
import { feedForwardErrors, swiGluFfnErrors } from './bounds/feed-forward.js';
import { multiHeadAttentionErrors } from './bounds/multi-head-attention.js';
import { rmsNormErrors } from './bounds/rms-norm.js';
import { ropeErrors } from './bounds/rope.js';
import type { GoldenCase } from './case.js';
import type { Parameters } from './parameters.js';
import { type Bounded, exact, rounded } from './running-error.js';

export interface Operation {
  /** Outputs by name. */
  run(inputs: Tensors, params: Parameters, path: KernelPath): Tensors;
  /** Float64 values with their bounds, by output (`out`) and by input (`grad`); only the bounds are used. */
  errors(
    golden: GoldenCase,
    params: Parameters,
  ): { out: Record<string, Bounded>; grad: Record<string, Bounded | undefined> };
}

export type Tensors = Record<string, tf.Tensor>;

const rmsNormOperation: Operation = {
  run: ({ x, gain }, params, path) => ({
    out: rmsNorm(x!, gain!, { eps: params.number('eps', 1e-6), path }),
  }),
  errors: ({ inputs, cotangents }, params) => {
    const { out, ...grad } = rmsNormErrors(
      inputs.x!,
      inputs.gain!,
      cotangents.out,
      params.number('eps', 1e-6),
    );
    return { out: { out }, grad };
  },
};

const ropeLayouts: readonly RopeLayout[] = ['interleaved', 'half'];
const ropeOperation: Operation = {
  run: ({ x, positions }, params, path) => ({
    out: rope(x!, positions!, {
      layout: params.oneOf('layout', ropeLayouts, 'interleaved'),
      base: params.number('base', 10000),
      path,
    }),
  }),
  errors: ({ inputs, cotangents }, params) => {
    const layout = params.oneOf('layout', ropeLayouts, 'interleaved');
    const rotate = (x: NdArray, direction: 1 | -1) =>
      ropeErrors(exact(x), inputs.positions!.data, layout, params.number('base', 10000), direction);
    return {
      out: { out: rotate(inputs.x!, 1) },
      grad: cotangents.out ? { x: rotate(cotangents.out, -1) } : {},
    };
  },
};

function attentionRule(params: Parameters): Pick<AttentionOptions, 'causal' | 'window' | 'scale' | 'alibi'> {
  return {
    causal: params.boolean('causal', false),
    window: params.number('window'),
    scale: params.number('scale'),
    alibi: params.boolean('alibi', false),
  };
}

const attentionOperation: Operation = {
  run: ({ q, k, v, mask }, params, path) => ({
    out: attention(q!, k!, v!, { ...attentionRule(params), mask, path }),
  }),
  errors: ({ inputs, integerInputs, cotangents }, params) => {
    const dout = cotangents.out && exact(cotangents.out);
    const { out, ...grad } = attentionErrors(exact(inputs.q!), exact(inputs.k!), exact(inputs.v!), dout, {
      ...attentionRule(params),
      [integerInputs.has('mask') ? 'mask' : 'bias']: inputs.mask,
    });
    return { out: { out }, grad: { ...grad } };
  },
};

const multiHeadAttentionOperation: Operation = {
  run: ({ x, wq, wk, wv, wo }, params, path) => {
    const weights = { wq: wq!, wk: wk!, wv: wv!, wo: wo! };
    return { out: multiHeadAttention(x!, weights, { ...headCounts(params), path }) };
  },
  errors: ({ inputs: { x, wq, wk, wv, wo }, cotangents }, params) => {
    const weights = { wq: wq!, wk: wk!, wv: wv!, wo: wo! };
    const { out, ...grad } = multiHeadAttentionErrors(x!, weights, cotangents.out, headCounts(params));
    return { out: { out }, grad };
  },
};

function headCounts(params: Parameters): { heads: number; kvHeads: number; causal: boolean } {
  const heads = params.requiredNumber('heads');
  return { heads, kvHeads: params.number('kvHeads', heads)!, causal: params.boolean('causal', false) };
}

const alibiSlopesOperation: Operation = {
  run: (_inputs, params) => ({ slopes: tf.tensor1d(alibiSlopes(params.requiredNumber('heads')), 'float32') }),
  errors: (_golden, params) => {
    const heads = params.requiredNumber('heads');
    return { out: { slopes: rounded(ndarray([heads], alibiSlopes(heads))) }, grad: {} };
  },
};

function activationOptions(params: Parameters): ActivationOptions {
  return { slope: params.number('slope'), alpha: params.number('alpha'), beta: params.number('beta') };
}

const activationOperation: Operation = {
  run: ({ x }, params) => ({
    out: activation(x!, params.oneOf('kind', activationKinds, 'identity'), activationOptions(params)),
  }),
  errors: ({ inputs, cotangents }, params) => {
    const kind = params.oneOf('kind', activationKinds, 'identity');
    const { out, ...grad } = activationErrors(inputs.x!, cotangents.out, kind, activationOptions(params));
    return { out: { out }, grad };
  },
};

const gluKinds = Object.keys(gluGates) as (keyof typeof gluGates)[];
const gluOperation: Operation = {
  run: ({ x }, params) => ({ out: glu(x!, params.oneOf('kind', gluKinds, 'glu')) }),
  errors: ({ inputs, cotangents }, params) => {
    const gate = gluGates[params.oneOf('kind', gluKinds, 'glu')];
    const { out, ...grad } = gluErrors(inputs.x!, cotangents.out, gate);
    return { out: { out }, grad };
  },
};

const reluFfnOperation: Operation = {
  run: ({ x, w1, b1, w2, b2 }) => ({ out: feedForward(x!, { w1: w1!, b1, w2: w2!, b2 }) }),
  errors: ({ inputs: { x, w1, b1, w2, b2 }, cotangents }) => {
    const { out, ...grad } = feedForwardErrors(x!, { w1: w1!, b1, w2: w2!, b2 }, cotangents.out, 'relu');
    return { out: { out }, grad };
  },
};

const swiGluFfnOperation: Operation = {
  run: ({ x, wGate, wUp, wDown }) => ({ out: swiGluFfn(x!, { wGate: wGate!, wUp: wUp!, wDown: wDown! }) }),
  errors: ({ inputs: { x, wGate, wUp, wDown }, cotangents }) => {
    const weights = { wGate: wGate!, wUp: wUp!, wDown: wDown! };
    const { out, ...grad } = swiGluFfnErrors(x!, weights, cotangents.out);
    return { out: { out }, grad };
  },
};

export const operations: Readonly<Record<string, Operation>> = {
  activation: activationOperation,
  alibi_slopes: alibiSlopesOperation,
  attention: attentionOperation,
  glu: gluOperation,
  multi_head_attention: multiHeadAttentionOperation,
  relu_ffn: reluFfnOperation,
  rms_norm: rmsNormOperation,
  rope: ropeOperation,
  swiglu_ffn: swiGluFfnOperation,
};
