/** Golden operations: attention, as such, linear and with several heads, and the slopes of ALiBi. */

import { ndarray } from '../../../compute/ndarray.js';
import { tf } from '../../../compute/tf.js';
import { alibiSlopes } from '../../../layers/attention/alibi-slopes.js';
import { type AttentionOptions, attention } from '../../../layers/attention/attention.js';
import { linearAttention } from '../../../layers/attention/linear-attention.js';
import { multiHeadAttention } from '../../../layers/attention/multi-head-attention.js';
import { attentionErrors } from '../bounds/attention.js';
import { linearAttentionErrors } from '../bounds/linear-attention.js';
import { multiHeadAttentionErrors } from '../bounds/multi-head-attention.js';
import type { Parameters } from '../parameters.js';
import { exact, rounded } from '../running-error.js';
import type { Operation } from './operation.js';

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

const linearAttentionOperation: Operation = {
  run: ({ q, k, v }, params) => ({
    out: linearAttention(q!, k!, v!, { causal: params.boolean('causal', true) }),
  }),
  errors: ({ inputs: { q, k, v }, cotangents }, params) => {
    const causal = params.boolean('causal', true);
    const { out, ...grad } = linearAttentionErrors(q!, k!, v!, cotangents.out, causal);
    return { out: { out }, grad };
  },
};

const alibiSlopesOperation: Operation = {
  run: (_inputs, params) => ({ slopes: tf.tensor1d(alibiSlopes(params.requiredNumber('heads')), 'float32') }),
  errors: (_golden, params) => {
    const heads = params.requiredNumber('heads');
    return { out: { slopes: rounded(ndarray([heads], alibiSlopes(heads))) }, grad: {} };
  },
};

export const attentionOperations = {
  alibi_slopes: alibiSlopesOperation,
  attention: attentionOperation,
  linear_attention: linearAttentionOperation,
  multi_head_attention: multiHeadAttentionOperation,
} as const satisfies Record<string, Operation>;
