/** The update rules in float64, one number at a time. */
import { type NdArray, ndarray } from '../../compute/ndarray.js';
import type { AdamNumbers, SgdOptions } from './rules.js';

/** A parameter after SGD steps with these gradients. */
export function sgdOracle(
  parameter: NdArray,
  gradients: readonly NdArray[],
  options: SgdOptions = {},
): NdArray {
  const { learningRate = 1e-3, momentum = 0, nesterov = false, weightDecay = 0 } = options;
  return eachNumber(parameter, (start, n) => {
    let [p, velocity] = [start, 0];
    gradients.forEach((gradient, step) => {
      const g = gradient.data[n]! + weightDecay * p;
      velocity = step === 0 ? g : momentum * velocity + g;
      p -= learningRate * (nesterov ? g + momentum * velocity : velocity);
    });
    return p;
  });
}

/** A parameter after Adam steps with these gradients; `decoupled` makes it AdamW. */
export function adamOracle(
  parameter: NdArray,
  gradients: readonly NdArray[],
  options: AdamNumbers = {},
  decoupled = false,
): NdArray {
  const { learningRate = 1e-3, beta1 = 0.9, beta2 = 0.999, eps = 1e-8, weightDecay = 0 } = options;
  return eachNumber(parameter, (start, n) => {
    let [p, m, v] = [start, 0, 0];
    gradients.forEach((gradient, index) => {
      const t = index + 1;
      const g = gradient.data[n]! + (decoupled ? 0 : weightDecay * p);
      m = beta1 * m + (1 - beta1) * g;
      v = beta2 * v + (1 - beta2) * g * g;
      const [mHat, vHat] = [m / (1 - beta1 ** t), v / (1 - beta2 ** t)];
      const shrunk = decoupled ? p - learningRate * weightDecay * p : p;
      p = shrunk - (learningRate * mHat) / (Math.sqrt(vHat) + eps);
    });
    return p;
  });
}

function eachNumber(parameter: NdArray, run: (start: number, n: number) => number): NdArray {
  const result = ndarray(parameter.shape);
  for (let n = 0; n < result.data.length; n++) result.data[n] = run(parameter.data[n]!, n);
  return result;
}
