/** Golden operations: position embeddings and their frequencies. */
import { type NdArray, ndarray } from '../../../compute/ndarray.js';
import { tf } from '../../../compute/tf.js';
import { sinusoidalPositions, sinusoidalTable } from '../../../layers/position/absolute.js';
import { type T5BucketOptions, t5RelativeBucket } from '../../../layers/position/relative.js';
import { type RopeLayout, rope } from '../../../layers/position/rope.js';
import { onHalves, rope2d } from '../../../layers/position/rope-2d.js';
import {
  type RopeParameters,
  type ScaledFrequencies,
  scaledRopeFrequencies,
} from '../../../layers/position/rope-scaling.js';
import { unitRoundoff as u } from '../../verify/bounds.js';
import { ropeErrors } from '../bounds/rope.js';
import type { Parameters } from '../parameters.js';
import { type Bounded, exact } from '../running-error.js';
import type { Operation } from './operation.js';

const ropeLayouts: readonly RopeLayout[] = ['interleaved', 'half'];

function ropeOptions(params: Parameters): { layout: RopeLayout; base: number } {
  return {
    layout: params.oneOf('layout', ropeLayouts, 'interleaved'),
    base: params.number('base', 10000),
  };
}

const ropeOperation: Operation = {
  run: ({ x, positions }, params, path) => ({ out: rope(x!, positions!, { ...ropeOptions(params), path }) }),
  errors: ({ inputs, cotangents }, params) => {
    const { layout, base } = ropeOptions(params);
    const rotate = (x: NdArray, direction: 1 | -1) =>
      ropeErrors(exact(x), inputs.positions!.data, layout, base, direction);
    return {
      out: { out: rotate(inputs.x!, 1) },
      grad: cotangents.out ? { x: rotate(cotangents.out, -1) } : {},
    };
  },
};

const rope2dOperation: Operation = {
  run: ({ x, rows, cols }, params, path) => ({
    out: rope2d(x!, rows!, cols!, { ...ropeOptions(params), path }),
  }),
  errors: ({ inputs: { x, rows, cols }, cotangents }, params) => {
    const { layout, base } = ropeOptions(params);
    const rotate = (a: NdArray, direction: 1 | -1): Bounded => {
      const bounds = (part: NdArray, axis: 0 | 1) =>
        ropeErrors(exact(part), (axis === 0 ? rows! : cols!).data, layout, base, direction);
      return {
        value: onHalves(a, (part, axis) => bounds(part, axis).value),
        error: onHalves(a, (part, axis) => bounds(part, axis).error),
      };
    };
    return {
      out: { out: rotate(x!, 1) },
      grad: cotangents.out ? { x: rotate(cotangents.out, -1) } : {},
    };
  },
};

/** The reference may work in float32: exponent, power, reciprocal, division and blend, each a rounding or two. */
function inFloat32(values: ArrayLike<number>, base: number): Bounded {
  const value = ndarray([values.length], values);
  const relative = u * (Math.log(base) + 16);
  return {
    value,
    error: ndarray(
      value.shape,
      value.data.map((x) => relative * Math.abs(x)),
    ),
  };
}

const numericParameters = [
  'rope_theta',
  'factor',
  'original_max_position_embeddings',
  'beta_fast',
  'beta_slow',
  'attention_factor',
  'mscale',
  'mscale_all_dim',
  'low_freq_factor',
  'high_freq_factor',
] as const;

function frequencies(params: Parameters): ScaledFrequencies {
  const given: RopeParameters = {
    rope_type: params.oneOf('rope_type', ['default', 'linear', 'dynamic', 'yarn', 'llama3'], 'default'),
    truncate: params.boolean('truncate', true),
  };
  for (const name of numericParameters) given[name] = params.number(name);
  return scaledRopeFrequencies(
    {
      head_dim: params.requiredNumber('dim'),
      max_position_embeddings: params.number('maxPosition'),
      rope_parameters: given,
    },
    params.number('seq_len'),
  );
}

const ropeFrequenciesOperation: Operation = {
  run: (_inputs, params) => {
    const { inverseFrequencies, attentionFactor } = frequencies(params);
    return {
      invFreq: tf.tensor1d(Float32Array.from(inverseFrequencies), 'float32'),
      attentionFactor: tf.tensor1d([attentionFactor], 'float32'),
    };
  },
  errors: (_golden, params) => {
    const { inverseFrequencies, attentionFactor } = frequencies(params);
    // The slowest pair turns by one over about the base, scaled or not.
    const base = 1 / Math.min(1, ...inverseFrequencies);
    return {
      out: { invFreq: inFloat32(inverseFrequencies, base), attentionFactor: inFloat32([attentionFactor], 1) },
      grad: {},
    };
  },
};

const sinusoidalOperation: Operation = {
  run: (_inputs, params) => ({
    out: sinusoidalPositions(
      params.requiredNumber('length'),
      params.requiredNumber('dim'),
      params.number('base', 10000),
    ),
  }),
  errors: (_golden, params) => {
    const [T, C] = [params.requiredNumber('length'), params.requiredNumber('dim')];
    const value = sinusoidalTable(T, C, params.number('base', 10000));
    // One rounding, and on either side a few of 2^-53 on an angle of at most T radians.
    const error = ndarray(
      value.shape,
      value.data.map((x) => u * Math.abs(x) + 8 * 2 ** -53 * T),
    );
    return { out: { out: { value, error } }, grad: {} };
  },
};

const t5Operation: Operation = {
  run: ({ relative }, params) => ({
    bucket: tf.tensor(
      Array.from(relative!.dataSync(), (offset) => t5RelativeBucket(offset, t5Options(params))),
      relative!.shape,
      'int32',
    ),
  }),
  errors: ({ inputs }, params) => {
    const options = t5Options(params);
    const buckets = inputs.relative!.data.map((offset) => t5RelativeBucket(offset, options));
    return { out: { bucket: exact(ndarray(inputs.relative!.shape, buckets)) }, grad: {} };
  },
};

function t5Options(params: Parameters): T5BucketOptions {
  return {
    bidirectional: params.boolean('bidirectional', true),
    buckets: params.number('buckets', 32),
    maxDistance: params.number('maxDistance', 128),
  };
}

export const positionOperations = {
  rope: ropeOperation,
  rope_2d: rope2dOperation,
  rope_frequencies: ropeFrequenciesOperation,
  sinusoidal_positions: sinusoidalOperation,
  t5_relative_bucket: t5Operation,
} as const satisfies Record<string, Operation>;
