/** Golden operations: parameters after several steps, gradients given; clipping, schedules and averages of weights. */
import { type NdArray, ndarray, sizeOf } from '../../../compute/ndarray.js';
import type { KernelPath } from '../../../compute/path.js';
import { tf } from '../../../compute/tf.js';
import { type AdaGradOptions, adaGrad } from '../../../training/optimizer/ada-grad.js';
import { type AdafactorOptions, adafactor } from '../../../training/optimizer/adafactor.js';
import { clipGradNorm } from '../../../training/optimizer/clip.js';
import { exponentialAverage } from '../../../training/optimizer/ema.js';
import { type LionOptions, lion } from '../../../training/optimizer/lion.js';
import { type MuonAdjustment, type MuonOptions, muon } from '../../../training/optimizer/muon.js';
import { type RmsPropOptions, rmsProp } from '../../../training/optimizer/rms-prop.js';
import {
  type AdamNumbers,
  adam,
  adamW,
  type SgdOptions,
  sgd,
  type UpdateRule,
} from '../../../training/optimizer/rules.js';
import {
  cosineSchedule,
  inverseSqrtSchedule,
  type LearningRateSchedule,
  linearSchedule,
  type PhaseShape,
  warmupStableDecaySchedule,
} from '../../../training/schedule/schedule.js';
import { adaGradErrors, lionErrors, rmsPropErrors } from '../bounds/adaptive-optimizer.js';
import { clipErrors } from '../bounds/clip.js';
import { adafactorErrors, muonErrors } from '../bounds/matrix-optimizer.js';
import { adamErrors, mix, sgdErrors } from '../bounds/optimizer.js';
import type { Parameters } from '../parameters.js';
import { type Bounded, exact, rounded } from '../running-error.js';
import type { Operation } from './operation.js';

const kinds = ['sgd', 'adam', 'adam_l2', 'adamw', 'rmsprop', 'adagrad', 'adafactor', 'lion', 'muon'] as const;

function sgdOptions(params: Parameters): SgdOptions {
  return {
    learningRate: params.number('lr', 1e-3),
    momentum: params.number('momentum', 0),
    dampening: params.number('dampening', 0),
    nesterov: params.boolean('nesterov', false),
    weightDecay: params.number('weightDecay', 0),
  };
}

function adamOptions(params: Parameters, weightDecay: number): AdamNumbers {
  return {
    learningRate: params.number('lr', 1e-3),
    beta1: params.number('beta1', 0.9),
    beta2: params.number('beta2', 0.999),
    eps: params.number('eps', 1e-8),
    weightDecay: params.number('weightDecay', weightDecay),
    amsgrad: params.boolean('amsgrad', false),
  };
}

function rmsPropOptions(params: Parameters): RmsPropOptions {
  return {
    learningRate: params.number('lr', 0.01),
    alpha: params.number('alpha', 0.99),
    eps: params.number('eps', 1e-8),
    momentum: params.number('momentum', 0),
    centered: params.boolean('centered', false),
    weightDecay: params.number('weightDecay', 0),
  };
}

function adaGradOptions(params: Parameters): AdaGradOptions {
  return {
    learningRate: params.number('lr', 0.01),
    learningRateDecay: params.number('lrDecay', 0),
    initialAccumulator: params.number('initialAccumulatorValue', 0),
    eps: params.number('eps', 1e-10),
    weightDecay: params.number('weightDecay', 0),
  };
}

function adafactorOptions(params: Parameters): AdafactorOptions {
  return {
    learningRate: params.number('lr', 0.01),
    beta2Decay: params.number('beta2Decay', -0.8),
    eps1: params.number('eps1', 2 ** -23),
    eps2: params.number('eps2', 1e-3),
    d: params.number('d', 1),
    weightDecay: params.number('weightDecay', 0),
  };
}

function lionOptions(params: Parameters): LionOptions {
  return {
    learningRate: params.number('lr', 1e-4),
    beta1: params.number('beta1', 0.9),
    beta2: params.number('beta2', 0.99),
    weightDecay: params.number('weightDecay', 0),
  };
}

function muonOptions(params: Parameters): MuonOptions {
  return {
    learningRate: params.number('lr', 1e-3),
    momentum: params.number('momentum', 0.95),
    nesterov: params.boolean('nesterov', true),
    weightDecay: params.number('weightDecay', 0.1),
    steps: params.number('nsSteps', 5),
    eps: params.number('eps', 1e-7),
    adjustment: params.oneOf<MuonAdjustment>('adjustLrFn', ['original', 'match_rms_adamw'], 'original'),
  };
}

interface Kind {
  rule(params: Parameters, path: KernelPath): UpdateRule;
  errors(param: NdArray, gradients: readonly NdArray[], params: Parameters): Bounded;
}

const adamL2: Kind = {
  rule: (params, path) => adam({ ...adamOptions(params, 0), path }),
  errors: (param, gradients, params) => adamErrors(param, gradients, adamOptions(params, 0), false),
};

const byKind: Record<(typeof kinds)[number], Kind> = {
  sgd: {
    rule: (params) => sgd(sgdOptions(params)),
    errors: (param, gradients, params) => sgdErrors(param, gradients, sgdOptions(params)),
  },
  adam: adamL2,
  adam_l2: adamL2,
  adamw: {
    rule: (params, path) => adamW({ ...adamOptions(params, 0.01), path }),
    errors: (param, gradients, params) => adamErrors(param, gradients, adamOptions(params, 0.01), true),
  },
  rmsprop: {
    rule: (params) => rmsProp(rmsPropOptions(params)),
    errors: (param, gradients, params) => rmsPropErrors(param, gradients, rmsPropOptions(params)),
  },
  adagrad: {
    rule: (params) => adaGrad(adaGradOptions(params)),
    errors: (param, gradients, params) => adaGradErrors(param, gradients, adaGradOptions(params)),
  },
  adafactor: {
    rule: (params) => adafactor(adafactorOptions(params)),
    errors: (param, gradients, params) => adafactorErrors(param, gradients, adafactorOptions(params)),
  },
  lion: {
    rule: (params) => lion(lionOptions(params)),
    errors: (param, gradients, params) => lionErrors(param, gradients, lionOptions(params)),
  },
  muon: {
    rule: (params) => muon(muonOptions(params)),
    errors: (param, gradients, params) => muonErrors(param, gradients, muonOptions(params)),
  },
};

/** values [steps, ...] -> one array per step. */
function perStep({ shape, data }: NdArray, steps = shape[0]!): NdArray[] {
  const size = sizeOf(shape.slice(1));
  return Array.from({ length: steps }, (_, s) =>
    ndarray(shape.slice(1), data.subarray(s * size, (s + 1) * size)),
  );
}

/** As `perStep`, of a tensor; tfjs's unstack refuses what is empty. */
function stepsOf(values: tf.Tensor, steps = values.shape[0]!): tf.Tensor[] {
  const [, ...shape] = values.shape;
  if (values.size === 0) return Array.from({ length: steps }, () => tf.zeros(shape));
  return tf.unstack(values).slice(0, steps);
}

const optimizerOperation: Operation = {
  run: ({ param, grads }, params, path) => {
    const rule = byKind[params.oneOf('kind', kinds, 'adamw')].rule(params, path);
    let parameter = param!;
    let slots: tf.Tensor[] | undefined;
    for (const [index, gradient] of stepsOf(grads!, params.number('steps')).entries()) {
      ({ parameter, slots } = rule.update(parameter, gradient, slots, index + 1));
    }
    return { param: parameter };
  },
  errors: ({ inputs: { param, grads } }, params) => {
    const { errors } = byKind[params.oneOf('kind', kinds, 'adamw')];
    return { out: { param: errors(param!, perStep(grads!, params.number('steps')), params) }, grad: {} };
  },
};

function clipOptions(params: Parameters) {
  const normType = params.oneOf('normType', ['2', 'inf'], '2');
  return {
    maxNorm: params.requiredNumber('maxNorm'),
    normType: normType === '2' ? (2 as const) : Number.POSITIVE_INFINITY,
  };
}

const clipOperation: Operation = {
  run: (inputs, params) => {
    const { maxNorm, normType } = clipOptions(params);
    const names = Object.keys(inputs);
    const { norm, gradients } = clipGradNorm(Object.values(inputs), maxNorm, { normType });
    return { norm, ...Object.fromEntries(names.map((name, n) => [name, gradients[n]!])) };
  },
  errors: ({ inputs }, params) => {
    const { maxNorm, normType } = clipOptions(params);
    const names = Object.keys(inputs);
    const { norm, gradients } = clipErrors(Object.values(inputs), maxNorm, normType);
    return { out: { norm, ...Object.fromEntries(names.map((name, n) => [name, gradients[n]!])) }, grad: {} };
  },
};

const schedules = ['linear', 'cosine', 'cosine_with_min_lr', 'warmup_stable_decay', 'inverse_sqrt'] as const;
const phases: readonly PhaseShape[] = ['linear', 'cosine', '1-sqrt'];

function scheduleOf(params: Parameters): LearningRateSchedule {
  const kind = params.oneOf('kind', schedules, 'linear');
  const warmUp = params.number('numWarmupSteps', 0);
  const steps = params.number('numTrainingSteps');
  if (kind === 'inverse_sqrt') return inverseSqrtSchedule({ warmUp, timescale: params.number('timescale') });
  if (kind === 'warmup_stable_decay') {
    return warmupStableDecaySchedule({
      steps,
      warmUp,
      stable: params.number('numStableSteps'),
      decay: params.requiredNumber('numDecaySteps'),
      warmUpShape: params.oneOf('warmupType', phases, 'linear'),
      decayShape: params.oneOf('decayType', phases, 'cosine'),
      minimum: params.number('minLrRatio', 0),
      cycles: params.number('numCycles', 0.5),
    });
  }
  const bounded = { steps: params.requiredNumber('numTrainingSteps'), warmUp };
  if (kind === 'linear') return linearSchedule(bounded);
  const cycles = params.number('numCycles', 0.5);
  if (kind === 'cosine') return cosineSchedule({ ...bounded, cycles });
  return cosineSchedule({ ...bounded, cycles, minimum: params.requiredNumber('minLrRate') });
}

function rates(params: Parameters): number[] {
  const schedule = scheduleOf(params);
  const rate = params.requiredNumber('lr');
  return Array.from({ length: params.requiredNumber('steps') }, (_, step) => rate * schedule(step));
}

const scheduleOperation: Operation = {
  run: (_inputs, params) => ({ lr: tf.tensor1d(rates(params), 'float32') }),
  errors: (_golden, params) => {
    const lr = rates(params);
    return { out: { lr: rounded(ndarray([lr.length], lr)) }, grad: {} };
  },
};

const averageOperation: Operation = {
  run: ({ initial, params: values }, params) => ({
    ema: stepsOf(values!).reduce(
      (average, value) => exponentialAverage(average, value, params.requiredNumber('decay')),
      initial!,
    ),
  }),
  errors: ({ inputs: { initial, params: values } }, params) => {
    const decay = params.requiredNumber('decay');
    const ema = perStep(values!).reduce(
      (average, value) => mix(average, exact(value), decay),
      exact(initial!),
    );
    return { out: { ema }, grad: {} };
  },
};

export const optimizerOperations = {
  clip_grad_norm: clipOperation,
  ema: averageOperation,
  lr_schedule: scheduleOperation,
  optimizer: optimizerOperation,
} as const satisfies Record<string, Operation>;
