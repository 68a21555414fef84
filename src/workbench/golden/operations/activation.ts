/** Golden operations: activations, gated linear units, softmax and feed-forward layers. */
import { activation } from '../../../layers/activation/activation.js';
import { glu, gluGates } from '../../../layers/activation/glu.js';
import { type ActivationOptions, activationKinds } from '../../../layers/activation/kinds.js';
import { feedForward, swiGluFfn } from '../../../layers/feed-forward/feed-forward.js';
import { softmax } from '../../../layers/softmax/index.js';
import { activationErrors, gluErrors } from '../bounds/activation.js';
import { feedForwardErrors, swiGluFfnErrors } from '../bounds/feed-forward.js';
import { softmaxErrors } from '../bounds/softmax.js';
import type { Parameters } from '../parameters.js';
import type { Operation } from './operation.js';

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
  run: ({ x }, params, path) => ({ out: glu(x!, params.oneOf('kind', gluKinds, 'glu'), { path }) }),
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

const softmaxOperation: Operation = {
  run: ({ x }, _params, path) => ({ out: softmax(x!, { path }) }),
  errors: ({ inputs, cotangents }) => {
    const { out, ...grad } = softmaxErrors(inputs.x!, cotangents.out);
    return { out: { out }, grad };
  },
};

export const activationOperations = {
  activation: activationOperation,
  glu: gluOperation,
  softmax: softmaxOperation,
  relu_ffn: reluFfnOperation,
  swiglu_ffn: swiGluFfnOperation,
} as const satisfies Record<string, Operation>;
