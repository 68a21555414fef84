/**
 * Normalisations by channel, which differ only in what shares a mean and a variance. Batch (Ioffe & Szegedy 2015,
 * arXiv:1502.03167): one channel over batch and positions. Instance (Ulyanov et al. 2016, arXiv:1607.08022): one
 * channel of one sample over its positions. Group (Wu & He 2018, arXiv:1803.08494): a group of channels of one sample.
 */
import { sizeOf } from '../../compute/ndarray.js';
import { requireFloat32, shown } from '../../compute/shapes.js';
import { tf } from '../../compute/tf.js';
import { requireEps } from './row-scale.js';
import { type Affine, applyAffine, checkAffine, rowStatistics, standardizeRows } from './standardize.js';

export interface ChannelNormOptions {
  /** Added to the variance, inside the root. Default 1e-5. */
  eps?: number;
  /** Which axis of x holds the C channels; default 1, as in [B,C,...]. Axis 0 is the batch. */
  channelAxis?: number;
}

export interface BatchNormOptions extends ChannelNormOptions {
  /** Default true: normalise by the batch's own statistics. False: by the running ones. */
  training?: boolean;
  /** Share of the batch's statistics in the new running ones. Default 0.1. */
  momentum?: number;
}

export interface BatchNormState extends Affine {
  /** [C]; when left out, training starts from 0 and evaluation is an error. */
  runningMean?: tf.Tensor;
  /** [C]; when left out, training starts from 1 and evaluation is an error. */
  runningVar?: tf.Tensor;
}

export interface BatchNormResult {
  out: tf.Tensor;
  /** [C], after this step: the caller keeps them for the next. Not differentiable. In evaluation a copy. */
  runningMean: tf.Tensor;
  runningVar: tf.Tensor;
}

/**
 * Batch normalisation. Nothing is changed in place: the new running statistics are returned. As in PyTorch the batch
 * is divided by its biased standard deviation, while the running variance takes the unbiased one.
 * @param x [B,C,...] (or the channels on `channelAxis`), float32 @param state gain, bias and running statistics, each [C]
 * @returns out (the shape of x), differentiable in x, gain and bias, and the new running statistics [C]
 * @throws TypeError when an input is not float32; RangeError when shapes do not fit, when training sees one value per
 *   channel only, or when evaluation has no running statistics.
 */
export function batchNorm(
  x: tf.Tensor,
  state: BatchNormState = {},
  options: BatchNormOptions = {},
): BatchNormResult {
  const { training = true, momentum = 0.1 } = options;
  const { eps, C, view, perChannel } = setUp('batchNorm', x, state, options);
  if (!(momentum >= 0 && momentum <= 1)) {
    throw new RangeError(`batchNorm: momentum must lie in [0, 1], got ${momentum}`);
  }
  const running = { gain: state.runningMean, bias: state.runningVar };
  checkAffine('batchNorm', x, running, 'running statistics [C]', [C]);
  if (!training) {
    const { runningMean, runningVar } = state;
    if (!runningMean || !runningVar) {
      throw new RangeError(
        'batchNorm: evaluation needs runningMean and runningVar; pass those that training returned',
      );
    }
    return tf.tidy(() => {
      const inverse = tf.reshape(tf.rsqrt(tf.add(runningVar, eps)), perChannel);
      const normalized = tf.mul(tf.sub(x, tf.reshape(runningMean, perChannel)), inverse);
      const out = applyAffine(normalized, state, perChannel);
      return { out, runningMean: tf.clone(runningMean), runningVar: tf.clone(runningVar) };
    });
  }
  const M = C === 0 ? 0 : x.size / C;
  if (M < 2) {
    throw new RangeError(
      `batchNorm: training needs more than one value per channel to have a variance, got x ${shown(x.shape)} with ${M}`,
    );
  }
  return tf.tidy(() => {
    const { toRows, fromRows } = view([C, M]);
    const rows = toRows(x);
    const out = applyAffine(fromRows(standardizeRows(rows, eps)), state, perChannel);
    const { mean, variance } = rowStatistics(rows);
    const blend = (old: tf.Tensor, now: tf.Tensor) =>
      tf.add(tf.mul(old, 1 - momentum), tf.mul(now, momentum));
    return {
      out,
      runningMean: blend(state.runningMean ?? tf.zeros([C]), mean),
      runningVar: blend(state.runningVar ?? tf.ones([C]), tf.mul(variance, M / (M - 1))),
    };
  });
}

/**
 * Instance normalisation: each channel of each sample over its positions.
 * @param x [B,C,...], float32 @param affine gain and bias [C]
 * @returns the shape of x, differentiable in all three
 * @throws as `batchNorm`, with one position per channel allowed (its result is then the bias).
 */
export function instanceNorm(x: tf.Tensor, affine: Affine = {}, options: ChannelNormOptions = {}): tf.Tensor {
  const { C } = setUp('instanceNorm', x, affine, options);
  return normalizeGroups('instanceNorm', x, C, affine, options);
}

/**
 * Group normalisation: `groups` groups of neighbouring channels of each sample, over their positions. One group is
 * layer normalisation over all of a sample, as many as channels is instance normalisation.
 * @param x [B,C,...], float32 @param affine gain and bias [C]
 * @returns the shape of x, differentiable in all three
 * @throws TypeError when an input is not float32; RangeError when the shapes do not fit or C is no multiple of groups.
 */
export function groupNorm(
  x: tf.Tensor,
  groups: number,
  affine: Affine = {},
  options: ChannelNormOptions = {},
): tf.Tensor {
  const { C } = setUp('groupNorm', x, affine, options);
  if (!Number.isInteger(groups) || groups < 1 || C % groups !== 0) {
    throw new RangeError(
      `groupNorm: groups must divide the C = ${C} channels of x ${shown(x.shape)}, got ${groups}`,
    );
  }
  return normalizeGroups('groupNorm', x, groups, affine, options);
}

function normalizeGroups(
  caller: string,
  x: tf.Tensor,
  groups: number,
  affine: Affine,
  options: ChannelNormOptions,
): tf.Tensor {
  const { eps, B, view, perChannel } = setUp(caller, x, affine, options);
  return tf.tidy(() => {
    if (x.size === 0) return applyAffine(tf.clone(x), affine, perChannel);
    const { toRows, fromRows } = view([B * groups, x.size / (B * groups)], true);
    return applyAffine(fromRows(standardizeRows(toRows(x), eps)), affine, perChannel);
  });
}

/** Checks, the sizes, the shape in which [C] broadcasts over x, and x seen as rows that share their statistics. */
function setUp(
  caller: string,
  x: tf.Tensor,
  affine: Affine,
  { eps = 1e-5, channelAxis = 1 }: ChannelNormOptions,
) {
  requireFloat32(caller, { x });
  requireEps(caller, eps);
  if (!Number.isInteger(channelAxis) || channelAxis < 1 || channelAxis >= x.rank) {
    throw new RangeError(
      `${caller}: channelAxis must be an axis of x ${shown(x.shape)} after the batch, got ${channelAxis}`,
    );
  }
  const [B, C] = [x.shape[0]!, x.shape[channelAxis]!];
  checkAffine(caller, x, affine, '[C]', [C]);
  const perChannel = x.shape.map((extent, axis) => (axis === channelAxis ? extent : 1));
  const before = sizeOf(x.shape.slice(1, channelAxis));
  const after = sizeOf(x.shape.slice(channelAxis + 1));
  /** `perSample`: [B,C,positions] order, else [C,B,positions]. */
  const view = (rows: [number, number], perSample = false) => {
    const order = perSample ? [0, 2, 1, 3] : [2, 0, 1, 3];
    const back = perSample ? [0, 2, 1, 3] : [1, 2, 0, 3];
    const parts = [B, before, C, after];
    return {
      toRows: (a: tf.Tensor) => tf.reshape(tf.transpose(tf.reshape(a, parts), order), rows),
      fromRows: (a: tf.Tensor) => {
        const ordered = order.map((axis) => parts[axis]!);
        return tf.reshape(tf.transpose(tf.reshape(a, ordered), back), x.shape);
      },
    };
  };
  return { eps, B, C, view, perChannel };
}
