/** Golden operation: a parameter after several steps of an optimizer, gradients given. */
import { type NdArray, ndarray, sizeOf } from '../../../compute/ndarray.js';
import type { KernelPath } from '../../../compute/path.js';
import { tf } from '../../../compute/tf.js';
import {
  type AdamNumbers,
  adam,
  adamW,
  type SgdOptions,
  sgd,
  type UpdateRule,
} from '../../../training/optimizer/rules.js';
import { adamErrors, sgdErrors } from '../bounds/optimizer.js';
import type { Parameters } from '../parameters.js';
import type { Operation } from './operation.js';

const kinds = ['sgd', 'adam', 'adam_l2', 'adamw'] as const;

function sgdOptions(params: Parameters): Required<SgdOptions> {
  return {
    learningRate: params.number('lr', 1e-3),
    momentum: params.number('momentum', 0),
    nesterov: params.boolean('nesterov', false),
    weightDecay: params.number('weightDecay', 0),
  };
}

function adamOptions(params: Parameters): Required<AdamNumbers> {
  return {
    learningRate: params.number('lr', 1e-3),
    beta1: params.number('beta1', 0.9),
    beta2: params.number('beta2', 0.999),
    eps: params.number('eps', 1e-8),
    weightDecay: params.number('weightDecay', 0),
  };
}

function ruleOf(params: Parameters, path: KernelPath): UpdateRule {
  const kind = params.oneOf('kind', kinds, 'adamw');
  if (kind === 'sgd') return sgd(sgdOptions(params));
  const options = { ...adamOptions(params), path };
  return kind === 'adamw' ? adamW(options) : adam(options);
}

/** grads [steps, ...] -> one array per step. */
function perStep({ shape, data }: NdArray, steps: number): NdArray[] {
  const size = sizeOf(shape.slice(1));
  return Array.from({ length: steps }, (_, s) =>
    ndarray(shape.slice(1), data.subarray(s * size, (s + 1) * size)),
  );
}

const optimizerOperation: Operation = {
  run: ({ param, grads }, params, path) => {
    const rule = ruleOf(params, path);
    const steps = params.number('steps', grads!.shape[0]!);
    let parameter = param!;
    let slots: tf.Tensor[] | undefined;
    for (const [index, gradient] of tf.unstack(grads!).slice(0, steps).entries()) {
      ({ parameter, slots } = rule.update(parameter, gradient, slots, index + 1));
    }
    return { param: parameter };
  },
  errors: ({ inputs: { param, grads } }, params) => {
    const kind = params.oneOf('kind', kinds, 'adamw');
    const gradients = perStep(grads!, params.number('steps', grads!.shape[0]!));
    return {
      out: {
        param:
          kind === 'sgd'
            ? sgdErrors(param!, gradients, sgdOptions(params))
            : adamErrors(param!, gradients, adamOptions(params), kind === 'adamw'),
      },
      grad: {},
    };
  },
};

export const optimizerOperations = { optimizer: optimizerOperation } as const satisfies Record<
  string,
  Operation
>;
