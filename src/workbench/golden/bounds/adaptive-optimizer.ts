/** Error bounds of parameters after steps of RMSProp, AdaGrad and Lion, in bounded arithmetic, step by step. */
import { type NdArray, ndarray } from '../../../compute/ndarray.js';
import type { AdaGradOptions } from '../../../training/optimizer/ada-grad.js';
import type { LionOptions } from '../../../training/optimizer/lion.js';
import type { RmsPropOptions } from '../../../training/optimizer/rms-prop.js';
import { add, type Bounded, divide, exact, map, scaleBy, squareRoot, subtract } from '../running-error.js';
import { mix, penalised, square, withEps } from './optimizer.js';

export function rmsPropErrors(
  parameter: NdArray,
  gradients: readonly NdArray[],
  options: RmsPropOptions,
): Bounded {
  const { learningRate = 0.01, alpha = 0.99, eps = 1e-8, momentum = 0 } = options;
  const { centered = false, weightDecay = 0 } = options;
  let p = exact(parameter);
  let [moment, mean, velocity]: (Bounded | undefined)[] = [];
  for (const gradient of gradients) {
    const slope = penalised(exact(gradient), p, weightDecay);
    moment = mix(moment, square(slope), alpha);
    mean = mix(mean, slope, alpha);
    const variance = centered ? subtract(moment, square(mean)) : moment;
    const move = divide(slope, withEps(squareRoot(variance), eps));
    velocity = velocity && momentum > 0 ? add(scaleBy(velocity, momentum), move) : move;
    p = subtract(p, scaleBy(velocity, learningRate));
  }
  return p;
}

export function adaGradErrors(
  parameter: NdArray,
  gradients: readonly NdArray[],
  options: AdaGradOptions,
): Bounded {
  const { learningRate = 0.01, learningRateDecay = 0, initialAccumulator = 0 } = options;
  const { eps = 1e-10, weightDecay = 0 } = options;
  let p = exact(parameter);
  // The start is rounded to float32.
  let sum = scaleBy(exact(ndarray([], [initialAccumulator])), 1);
  gradients.forEach((gradient, index) => {
    const slope = penalised(exact(gradient), p, weightDecay);
    sum = add(sum, square(slope));
    const move = divide(slope, withEps(squareRoot(sum), eps));
    p = subtract(p, scaleBy(move, learningRate / (1 + index * learningRateDecay)));
  });
  return p;
}

export function lionErrors(parameter: NdArray, gradients: readonly NdArray[], options: LionOptions): Bounded {
  const { learningRate = 1e-4, beta1 = 0.9, beta2 = 0.99, weightDecay = 0 } = options;
  let p = exact(parameter);
  let momentum: Bounded | undefined;
  for (const gradient of gradients) {
    const direction = mix(momentum, exact(gradient), beta1);
    // A sign that rounding may turn is off by two.
    const sign = map(direction, (x, e) => [Math.sign(x), x === 0 && e === 0 ? 0 : Math.abs(x) > e ? 0 : 2]);
    p = subtract(scaleBy(p, 1 - learningRate * weightDecay), scaleBy(sign, learningRate));
    momentum = mix(momentum, exact(gradient), beta2);
  }
  return p;
}
