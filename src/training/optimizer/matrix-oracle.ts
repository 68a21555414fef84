/** In float64, the update rules that look at a whole parameter: Adafactor and Muon. */
import { type NdArray, ndarray } from '../../compute/ndarray.js';
import type { AdafactorOptions } from './adafactor.js';
import type { MuonOptions } from './muon.js';
import type { NewtonSchulzOptions } from './newton-schulz.js';

/** A parameter after Adafactor steps with these gradients. */
export function adafactorOracle(
  parameter: NdArray,
  gradients: readonly NdArray[],
  options: AdafactorOptions = {},
): NdArray {
  const { learningRate = 0.01, beta2Decay = -0.8, eps1 = 2 ** -23, eps2 = 1e-3 } = options;
  const { d = 1, weightDecay = 0 } = options;
  const p = ndarray(parameter.shape, parameter.data);
  const [R, C] = parameter.shape.length > 1 ? (parameter.shape.slice(-2) as [number, number]) : [1, 1];
  const factored = parameter.shape.length > 1;
  const batches = factored ? p.data.length / (R * C) : 0;
  const [rows, columns] = [new Float64Array(batches * R), new Float64Array(batches * C)];
  const moment = new Float64Array(p.data.length);
  gradients.forEach((gradient, index) => {
    const share = (index + 1) ** beta2Decay;
    const g = gradient.data;
    const blend = (kept: Float64Array, n: number, now: number) => {
      kept[n] = (1 - share) * kept[n]! + share * now;
    };
    if (!factored) for (let n = 0; n < g.length; n++) blend(moment, n, g[n]! ** 2);
    for (let b = 0; b < batches; b++) {
      const square = (r: number, c: number) => g[(b * R + r) * C + c]! ** 2;
      let mean = 0;
      for (let r = 0; r < R; r++) {
        let sum = 0;
        for (let c = 0; c < C; c++) sum += square(r, c);
        blend(rows, b * R + r, sum / C);
        mean += rows[b * R + r]! / R;
      }
      for (let c = 0; c < C; c++) {
        let sum = 0;
        for (let r = 0; r < R; r++) sum += square(r, c);
        blend(columns, b * C + c, sum / R);
        for (let r = 0; r < R; r++) {
          moment[(b * R + r) * C + c] = (rows[b * R + r]! * columns[b * C + c]!) / Math.max(mean, eps1);
        }
      }
    }
    const update = g.map((value, n) => value / Math.sqrt(Math.max(moment[n]!, eps1 ** 2)));
    const rate = Math.min(learningRate, 1 / Math.sqrt(index + 1)) * Math.max(eps2, rootMeanSquare(p.data));
    const excess = Math.max(1, rootMeanSquare(update) / d);
    for (let n = 0; n < g.length; n++) {
      p.data[n] = p.data[n]! * (1 - learningRate * weightDecay) - (rate / excess) * update[n]!;
    }
  });
  return p;
}

function rootMeanSquare(values: Float64Array): number {
  return Math.sqrt(values.reduce((sum, value) => sum + value * value, 0) / values.length);
}

/** The Newton-Schulz iteration of a matrix [R,C]. */
export function newtonSchulzOracle(matrix: NdArray, options: NewtonSchulzOptions = {}): NdArray {
  const { steps = 5, eps = 1e-7, coefficients = [3.4445, -4.775, 2.0315] } = options;
  const [a, b, c] = coefficients;
  const norm = Math.sqrt(matrix.data.reduce((sum, value) => sum + value * value, 0));
  let x = ndarray(
    matrix.shape,
    matrix.data.map((value) => value / Math.max(norm, eps)),
  );
  for (let step = 0; step < steps; step++) {
    // a X + b (X X^T) X + c (X X^T)^2 X, whichever side is larger.
    const cube = product(product(x, transposed(x)), x);
    const fifth = product(product(x, transposed(x)), cube);
    x = ndarray(
      x.shape,
      x.data.map((value, n) => a * value + b * cube.data[n]! + c * fifth.data[n]!),
    );
  }
  return x;
}

/** A matrix after Muon steps with these gradients. */
export function muonOracle(
  parameter: NdArray,
  gradients: readonly NdArray[],
  options: MuonOptions = {},
): NdArray {
  const { learningRate = 1e-3, momentum = 0.95, nesterov = true, weightDecay = 0.1 } = options;
  const { steps, eps, coefficients, adjustment = 'original' } = options;
  const [R, C] = parameter.shape as [number, number];
  const factor = adjustment === 'original' ? Math.sqrt(Math.max(1, R / C)) : 0.2 * Math.sqrt(Math.max(R, C));
  const p = ndarray(parameter.shape, parameter.data);
  const velocity = ndarray(parameter.shape);
  for (const { data: g } of gradients) {
    const ahead = ndarray(parameter.shape);
    for (let n = 0; n < g.length; n++) {
      const v = momentum * velocity.data[n]! + (1 - momentum) * g[n]!;
      velocity.data[n] = v;
      ahead.data[n] = nesterov ? momentum * v + (1 - momentum) * g[n]! : v;
    }
    const direction = newtonSchulzOracle(ahead, { steps, eps, coefficients });
    for (let n = 0; n < g.length; n++) {
      p.data[n] = p.data[n]! * (1 - learningRate * weightDecay) - learningRate * factor * direction.data[n]!;
    }
  }
  return p;
}

function product(x: NdArray, y: NdArray): NdArray {
  const [M, K] = x.shape as [number, number];
  const N = y.shape[1]!;
  const result = ndarray([M, N]);
  for (let m = 0; m < M; m++) {
    for (let k = 0; k < K; k++) {
      for (let n = 0; n < N; n++) result.data[m * N + n]! += x.data[m * K + k]! * y.data[k * N + n]!;
    }
  }
  return result;
}

function transposed({ shape, data }: NdArray): NdArray {
  const [R, C] = shape as [number, number];
  return ndarray(
    [C, R],
    Float64Array.from(data, (_, n) => data[(n % R) * C + Math.floor(n / R)]!),
  );
}
