/** The update rules in float64, one number at a time. */
import { type NdArray, ndarray } from '../../compute/ndarray.js';
import type { AdaGradOptions } from './ada-grad.js';
import type { LionOptions } from './lion.js';
import type { RmsPropOptions } from './rms-prop.js';
import type { AdamNumbers, SgdOptions } from './rules.js';

/** A parameter after SGD steps with these gradients. */
export function sgdOracle(
  parameter: NdArray,
  gradients: readonly NdArray[],
  options: SgdOptions = {},
): NdArray {
  const { learningRate = 1e-3, momentum = 0, dampening = 0, nesterov = false, weightDecay = 0 } = options;
  return eachNumber(parameter, (start, n) => {
    let [p, velocity] = [start, 0];
    gradients.forEach((gradient, step) => {
      const g = gradient.data[n]! + weightDecay * p;
      velocity = step === 0 ? g : momentum * velocity + (1 - dampening) * g;
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
    let [p, m, v, top] = [start, 0, 0, 0];
    gradients.forEach((gradient, index) => {
      const t = index + 1;
      const g = gradient.data[n]! + (decoupled ? 0 : weightDecay * p);
      m = beta1 * m + (1 - beta1) * g;
      v = beta2 * v + (1 - beta2) * g * g;
      top = options.amsgrad ? Math.max(top, v) : v;
      const [mHat, vHat] = [m / (1 - beta1 ** t), top / (1 - beta2 ** t)];
      const shrunk = decoupled ? p - learningRate * weightDecay * p : p;
      p = shrunk - (learningRate * mHat) / (Math.sqrt(vHat) + eps);
    });
    return p;
  });
}

/** A parameter after RMSProp steps with these gradients. */
export function rmsPropOracle(
  parameter: NdArray,
  gradients: readonly NdArray[],
  options: RmsPropOptions = {},
): NdArray {
  const { learningRate = 0.01, alpha = 0.99, eps = 1e-8, momentum = 0 } = options;
  const { centered = false, weightDecay = 0 } = options;
  return eachNumber(parameter, (start, n) => {
    let [p, square, mean, velocity] = [start, 0, 0, 0];
    for (const gradient of gradients) {
      const g = gradient.data[n]! + weightDecay * p;
      square = alpha * square + (1 - alpha) * g * g;
      mean = alpha * mean + (1 - alpha) * g;
      const variance = centered ? square - mean * mean : square;
      velocity = momentum * velocity + g / (Math.sqrt(variance) + eps);
      p -= learningRate * velocity;
    }
    return p;
  });
}

/** A parameter after AdaGrad steps with these gradients. */
export function adaGradOracle(
  parameter: NdArray,
  gradients: readonly NdArray[],
  options: AdaGradOptions = {},
): NdArray {
  const { learningRate = 0.01, learningRateDecay = 0, initialAccumulator = 0 } = options;
  const { eps = 1e-10, weightDecay = 0 } = options;
  return eachNumber(parameter, (start, n) => {
    let [p, sum] = [start, initialAccumulator];
    gradients.forEach((gradient, index) => {
      const g = gradient.data[n]! + weightDecay * p;
      sum += g * g;
      p -= (learningRate / (1 + index * learningRateDecay)) * (g / (Math.sqrt(sum) + eps));
    });
    return p;
  });
}

/** A parameter after Lion steps with these gradients. */
export function lionOracle(
  parameter: NdArray,
  gradients: readonly NdArray[],
  options: LionOptions = {},
): NdArray {
  const { learningRate = 1e-4, beta1 = 0.9, beta2 = 0.99, weightDecay = 0 } = options;
  return eachNumber(parameter, (start, n) => {
    let [p, m] = [start, 0];
    for (const gradient of gradients) {
      const g = gradient.data[n]!;
      p -= learningRate * weightDecay * p;
      p -= learningRate * Math.sign(beta1 * m + (1 - beta1) * g);
      m = beta2 * m + (1 - beta2) * g;
    }
    return p;
  });
}

function eachNumber(parameter: NdArray, run: (start: number, n: number) => number): NdArray {
  const result = ndarray(parameter.shape);
  for (let n = 0; n < result.data.length; n++) result.data[n] = run(parameter.data[n]!, n);
  return result;
}
