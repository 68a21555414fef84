/**
 * The normalisations in float64 with plain loops. All but weight normalisation are the same sums over different sets:
 * `group` says with which elements an element shares mean and variance, `parameter` which gain and bias it takes.
 */
import { type NdArray, ndarray, sizeOf } from '../../compute/ndarray.js';

interface Partition {
  group(element: number): number;
  parameter(element: number): number;
}

export interface AffineArrays {
  gain: NdArray;
  bias: NdArray;
}

export interface NormGradients {
  x: NdArray;
  gain: NdArray;
  bias: NdArray;
}

/** Over the trailing axes, whose shape gain and bias have. */
export function layerNormOracle(x: NdArray, affine: AffineArrays, eps = 1e-5): NdArray {
  return normalize(x, affine, eps, trailing(affine));
}

export function layerNormGradientOracle(
  x: NdArray,
  affine: AffineArrays,
  dy: NdArray,
  eps = 1e-5,
): NormGradients {
  return normalizeGradient(x, affine, dy, eps, trailing(affine));
}

/** x [B,C,...]: each channel over batch and positions. */
export function batchNormOracle(x: NdArray, affine: AffineArrays, eps = 1e-5): NdArray {
  return normalize(x, affine, eps, perChannel(x));
}

export function batchNormGradientOracle(
  x: NdArray,
  affine: AffineArrays,
  dy: NdArray,
  eps = 1e-5,
): NormGradients {
  return normalizeGradient(x, affine, dy, eps, perChannel(x));
}

/** Mean and unbiased variance of each channel of [B,C,...]: what the running statistics take in. */
export function batchStatisticsOracle(x: NdArray): { mean: NdArray; variance: NdArray } {
  const partition = perChannel(x);
  const { mean, variance } = statistics(x, partition);
  const M = x.data.length / mean.length;
  const C = [mean.length];
  return {
    mean: ndarray(C, mean),
    variance: ndarray(
      C,
      variance.map((v) => (v * M) / (M - 1)),
    ),
  };
}

/** x [B,C,...]: neighbouring channels of one sample, in `groups` groups. As many groups as channels: instance norm. */
export function groupNormOracle(x: NdArray, groups: number, affine: AffineArrays, eps = 1e-5): NdArray {
  return normalize(x, affine, eps, perGroup(x, groups));
}

export function groupNormGradientOracle(
  x: NdArray,
  groups: number,
  affine: AffineArrays,
  dy: NdArray,
  eps = 1e-5,
): NormGradients {
  return normalizeGradient(x, affine, dy, eps, perGroup(x, groups));
}

/** w[o] = g[o] v[o] / |v[o]|; v [out, ...], g [out]. */
export function weightNormOracle(v: NdArray, g: NdArray): NdArray {
  const M = v.data.length / g.data.length;
  return ndarray(
    v.shape,
    v.data.map((value, n) => (g.data[Math.floor(n / M)]! * value) / length(v, Math.floor(n / M), M)),
  );
}

/** dg = dw . n and dv = g/|v| (dw - n (dw . n)), with n = v/|v|. */
export function weightNormGradientOracle(v: NdArray, g: NdArray, dw: NdArray): { v: NdArray; g: NdArray } {
  const M = v.data.length / g.data.length;
  const [dv, dg] = [ndarray(v.shape), ndarray(g.shape)];
  for (let o = 0; o < g.data.length; o++) {
    const size = length(v, o, M);
    for (let m = o * M; m < (o + 1) * M; m++) dg.data[o]! += (dw.data[m]! * v.data[m]!) / size;
    for (let m = o * M; m < (o + 1) * M; m++) {
      dv.data[m] = (g.data[o]! / size) * (dw.data[m]! - (v.data[m]! / size) * dg.data[o]!);
    }
  }
  return { v: dv, g: dg };
}

function length(v: NdArray, row: number, M: number): number {
  let squares = 0;
  for (let m = row * M; m < (row + 1) * M; m++) squares += v.data[m]! ** 2;
  return Math.sqrt(squares);
}

function trailing({ gain }: AffineArrays): Partition {
  const M = gain.data.length;
  return { group: (n) => Math.floor(n / M), parameter: (n) => n % M };
}

function perChannel(x: NdArray): Partition {
  const [C, positions] = [x.shape[1]!, sizeOf(x.shape.slice(2))];
  const channel = (n: number) => Math.floor(n / positions) % C;
  return { group: channel, parameter: channel };
}

function perGroup(x: NdArray, groups: number): Partition {
  const [C, positions] = [x.shape[1]!, sizeOf(x.shape.slice(2))];
  const size = (C / groups) * positions;
  return { group: (n) => Math.floor(n / size), parameter: (n) => Math.floor(n / positions) % C };
}

/** Two passes: means, then mean squares of the deviations. */
function statistics(x: NdArray, { group }: Partition): { mean: number[]; variance: number[] } {
  const [count, mean, variance]: [number[], number[], number[]] = [[], [], []];
  for (let n = 0; n < x.data.length; n++) {
    count[group(n)] = (count[group(n)] ?? 0) + 1;
    mean[group(n)] = (mean[group(n)] ?? 0) + x.data[n]!;
  }
  for (let g = 0; g < mean.length; g++) mean[g]! /= count[g]!;
  for (let n = 0; n < x.data.length; n++) {
    variance[group(n)] = (variance[group(n)] ?? 0) + (x.data[n]! - mean[group(n)]!) ** 2;
  }
  for (let g = 0; g < variance.length; g++) variance[g]! /= count[g]!;
  return { mean, variance };
}

function normalize(x: NdArray, { gain, bias }: AffineArrays, eps: number, partition: Partition): NdArray {
  const { mean, variance } = statistics(x, partition);
  const y = ndarray(x.shape);
  for (let n = 0; n < x.data.length; n++) {
    const [g, p] = [partition.group(n), partition.parameter(n)];
    y.data[n] = (gain.data[p]! * (x.data[n]! - mean[g]!)) / Math.sqrt(variance[g]! + eps) + bias.data[p]!;
  }
  return y;
}

/**
 * Through the mean and the variance separately: with M elements in the group, d = x - mean and s^2 = var + eps,
 * dL/dvar = -sum(dn d) / (2 s^3), dL/dmean = -sum(dn) / s, and dx = dn / s + dL/dvar 2 d / M + dL/dmean / M.
 */
function normalizeGradient(
  x: NdArray,
  { gain, bias }: AffineArrays,
  dy: NdArray,
  eps: number,
  partition: Partition,
): NormGradients {
  const { mean, variance } = statistics(x, partition);
  const deviation = variance.map((v) => Math.sqrt(v + eps));
  const [dMean, dVariance] = [mean.map(() => 0), mean.map(() => 0)];
  const gradients = { x: ndarray(x.shape), gain: ndarray(gain.shape), bias: ndarray(bias.shape) };
  const M = x.data.length / mean.length;
  for (let n = 0; n < x.data.length; n++) {
    const [g, p] = [partition.group(n), partition.parameter(n)];
    const d = x.data[n]! - mean[g]!;
    const dn = dy.data[n]! * gain.data[p]!;
    dMean[g]! -= dn / deviation[g]!;
    dVariance[g]! -= (dn * d) / (2 * deviation[g]! ** 3);
    gradients.gain.data[p]! += (dy.data[n]! * d) / deviation[g]!;
    gradients.bias.data[p]! += dy.data[n]!;
  }
  for (let n = 0; n < x.data.length; n++) {
    const [g, p] = [partition.group(n), partition.parameter(n)];
    const d = x.data[n]! - mean[g]!;
    gradients.x.data[n] =
      (dy.data[n]! * gain.data[p]!) / deviation[g]! + (dVariance[g]! * 2 * d) / M + dMean[g]! / M;
  }
  return gradients;
}
