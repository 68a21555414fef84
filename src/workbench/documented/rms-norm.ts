/**
 * What the source documents describe under the name RMSNorm, taken literally, for notebooks that execute the mistake
 * beside `rmsNorm`. Float64, plain loops. Each function names its erratum.
 */
import { type NdArray, ndarray } from '../../compute/ndarray.js';

/**
 * E07: (x - mean) / (std + eps) over the whole tensor, with the unbiased standard deviation: tokens see each other,
 * and a single element gives NaN.
 */
export function globalZScore(x: NdArray, eps = 1e-8): NdArray {
  const n = x.data.length;
  const mean = x.data.reduce((sum, value) => sum + value, 0) / n;
  const squares = x.data.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  const deviation = Math.sqrt(squares / (n - 1));
  return { shape: x.shape, data: x.data.map((value) => (value - mean) / (deviation + eps)) };
}

/** E15: mean and (population) standard deviation of each row instead of its root mean square. x [...,C]. */
export function rowZScore(x: NdArray): NdArray {
  const C = x.shape[x.shape.length - 1]!;
  const y = ndarray(x.shape);
  for (let row = 0; row < x.data.length; row += C) {
    let mean = 0;
    for (let c = 0; c < C; c++) mean += x.data[row + c]! / C;
    let variance = 0;
    for (let c = 0; c < C; c++) variance += (x.data[row + c]! - mean) ** 2 / C;
    for (let c = 0; c < C; c++) y.data[row + c] = (x.data[row + c]! - mean) / Math.sqrt(variance);
  }
  return y;
}

/**
 * E08: eps added to the root instead of inside it. In float64 this hardly differs for usual rows; for tiny ones it
 * does, and the 1e-8 of the documents is 0 in float16.
 */
export function rmsNormEpsOutside(x: NdArray, gain: NdArray, eps = 1e-8): NdArray {
  const C = gain.data.length;
  const y = ndarray(x.shape);
  for (let row = 0; row < x.data.length; row += C) {
    let squares = 0;
    for (let c = 0; c < C; c++) squares += x.data[row + c]! ** 2;
    const divisor = Math.sqrt(squares / C) + eps;
    for (let c = 0; c < C; c++) y.data[row + c] = (gain.data[c]! * x.data[row + c]!) / divisor;
  }
  return y;
}

/** E41: a product with a weight per feature, and nothing else: f(2x) = 2 f(x). x [...,C], weight [C]. */
export function gainOnly(x: NdArray, weight: NdArray): NdArray {
  const C = weight.data.length;
  return { shape: x.shape, data: x.data.map((value, n) => value * weight.data[n % C]!) };
}
