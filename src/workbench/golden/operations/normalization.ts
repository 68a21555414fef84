/** Golden operations: the normalisations. */
import type { NdArray } from '../../../compute/ndarray.js';
import { batchNorm, groupNorm, instanceNorm } from '../../../layers/norm/channel-norm.js';
import { layerNorm } from '../../../layers/norm/layer-norm.js';
import { rmsNorm } from '../../../layers/norm/rms-norm.js';
import {
  batchNormErrors,
  batchNormEvalErrors,
  groupNormErrors,
  layerNormErrors,
} from '../bounds/normalization.js';
import { rmsNormErrors } from '../bounds/rms-norm.js';
import type { Parameters } from '../parameters.js';
import { add, type Bounded, exact, scaleBy } from '../running-error.js';
import type { Operation } from './operation.js';

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

const layerNormOperation: Operation = {
  run: ({ x, gain, bias }, params) => ({
    out: layerNorm(x!, { gain, bias }, { axes: params.number('axes', 1), eps: params.number('eps', 1e-5) }),
  }),
  errors: ({ inputs: { x, gain, bias }, cotangents }, params) => {
    const [axes, eps] = [params.number('axes', 1), params.number('eps', 1e-5)];
    const { out, ...grad } = layerNormErrors(x!, { gain, bias }, cotangents.out, axes, eps);
    return { out: { out }, grad: { ...grad } };
  },
};

/** Where the letter C stands in layouts such as NC, NCL, NCHW and NHWC. */
function channelNormOptions(params: Parameters): { eps: number; channelAxis: number } {
  const layouts = ['NC', 'NCL', 'NLC', 'NCHW', 'NHWC', 'NCDHW', 'NDHWC'];
  const layout = params.oneOf('layout', layouts, 'NC');
  return { eps: params.number('eps', 1e-5), channelAxis: layout.indexOf('C') };
}

const batchNormOperation: Operation = {
  run: ({ x, gain, bias, mean, var: variance }, params) => {
    const options = {
      ...channelNormOptions(params),
      training: params.boolean('training', true),
      momentum: params.number('momentum', 0.1),
    };
    return { ...batchNorm(x!, { gain, bias, runningMean: mean, runningVar: variance }, options) };
  },
  errors: ({ inputs: { x, gain, bias, mean, var: variance }, cotangents }, params) => {
    const { eps, channelAxis } = channelNormOptions(params);
    const momentum = params.number('momentum', 0.1);
    const [affine, dy] = [{ gain, bias }, cotangents.out];
    if (!params.boolean('training', true)) {
      const running = { mean: mean!, variance: variance! };
      const { out, ...grad } = batchNormEvalErrors(x!, affine, running, dy, channelAxis, eps);
      return { out: { out, runningMean: exact(mean!), runningVar: exact(variance!) }, grad: { ...grad } };
    }
    const errors = batchNormErrors(x!, affine, dy, channelAxis, eps);
    const { out, mean: batchMean, variance: batchVariance, ...grad } = errors;
    const blend = (old: NdArray, now: Bounded) =>
      add(scaleBy(exact(old), 1 - momentum), scaleBy(now, momentum));
    const runningMean = blend(mean!, batchMean);
    return { out: { out, runningMean, runningVar: blend(variance!, batchVariance) }, grad: { ...grad } };
  },
};

const instanceNormOperation: Operation = {
  run: ({ x, gain, bias }, params) => ({
    out: instanceNorm(x!, { gain, bias }, channelNormOptions(params)),
  }),
  errors: ({ inputs: { x, gain, bias }, cotangents }, params) => {
    const { eps, channelAxis } = channelNormOptions(params);
    const C = x!.shape[channelAxis]!;
    const { out, ...grad } = groupNormErrors(x!, C, { gain, bias }, cotangents.out, channelAxis, eps);
    return { out: { out }, grad: { ...grad } };
  },
};

const groupNormOperation: Operation = {
  run: ({ x, gain, bias }, params) => ({
    out: groupNorm(x!, params.requiredNumber('groups'), { gain, bias }, channelNormOptions(params)),
  }),
  errors: ({ inputs: { x, gain, bias }, cotangents }, params) => {
    const { eps, channelAxis } = channelNormOptions(params);
    const groups = params.requiredNumber('groups');
    const { out, ...grad } = groupNormErrors(x!, groups, { gain, bias }, cotangents.out, channelAxis, eps);
    return { out: { out }, grad: { ...grad } };
  },
};

export const normalizationOperations = {
  batch_norm: batchNormOperation,
  group_norm: groupNormOperation,
  instance_norm: instanceNormOperation,
  layer_norm: layerNormOperation,
  rms_norm: rmsNormOperation,
} as const satisfies Record<string, Operation>;
