/** Error bounds of a parameter after several optimizer steps: the update rules in bounded arithmetic, step by step. */
import type { NdArray } from '../../../compute/ndarray.js';
import type { AdamNumbers, SgdOptions } from '../../../training/optimizer/rules.js';
import { unitRoundoff as u } from '../../verify/bounds.js';
import {
  add,
  type Bounded,
  divide,
  exact,
  map,
  multiply,
  scaleBy,
  squareRoot,
  subtract,
} from '../running-error.js';

export function sgdErrors(parameter: NdArray, gradients: readonly NdArray[], options: SgdOptions): Bounded {
  const { learningRate = 1e-3, momentum = 0, dampening = 0, nesterov = false, weightDecay = 0 } = options;
  let p = exact(parameter);
  let velocity: Bounded | undefined;
  for (const gradient of gradients) {
    const slope = penalised(exact(gradient), p, weightDecay);
    const entering = dampening === 0 ? slope : scaleBy(slope, 1 - dampening);
    velocity = velocity && momentum !== 0 ? add(scaleBy(velocity, momentum), entering) : slope;
    const direction = nesterov ? add(slope, scaleBy(velocity, momentum)) : velocity;
    p = subtract(p, scaleBy(direction, learningRate));
  }
  return p;
}

export function adamErrors(
  parameter: NdArray,
  gradients: readonly NdArray[],
  options: AdamNumbers,
  decoupled: boolean,
): Bounded {
  const { learningRate = 1e-3, beta1 = 0.9, beta2 = 0.999, eps = 1e-8, weightDecay = 0 } = options;
  let p = exact(parameter);
  let [first, second, top]: (Bounded | undefined)[] = [];
  gradients.forEach((gradient, index) => {
    const t = index + 1;
    const slope = decoupled ? exact(gradient) : penalised(exact(gradient), p, weightDecay);
    first = mix(first, slope, beta1);
    second = mix(second, square(slope), beta2);
    top = options.amsgrad && top ? larger(top, second) : second;
    const size = withEps(squareRoot(scaleBy(top, 1 / (1 - beta2 ** t))), eps);
    const start = decoupled ? scaleBy(p, 1 - learningRate * weightDecay) : p;
    const move = scaleBy(divide(first, size), learningRate / (1 - beta1 ** t));
    p = subtract(start, scaleBy(move, 1));
  });
  return p;
}

/** share * old + (1 - share) * now, with nothing for old at first. */
export function mix(old: Bounded | undefined, now: Bounded, share: number): Bounded {
  const fresh = scaleBy(now, 1 - share);
  return old ? add(scaleBy(old, share), fresh) : fresh;
}

/** A square may vanish; its root then lacks up to 2^-63. */
export function square(a: Bounded): Bounded {
  return map(multiply(a, a), (x, e) => [x, e + 2 ** -126]);
}

export function withEps(a: Bounded, eps: number): Bounded {
  return map(a, (x, e) => [x + eps, e + 2 * u * (x + eps)]);
}

/** The larger of two; where their errors overlap it may be either. */
function larger(a: Bounded, b: Bounded): Bounded {
  const value = { shape: a.value.shape, data: a.value.data.map((x, n) => Math.max(x, b.value.data[n]!)) };
  const error = { shape: a.value.shape, data: a.error.data.map((e, n) => Math.max(e, b.error.data[n]!)) };
  return { value, error };
}

export function penalised(gradient: Bounded, parameter: Bounded, weightDecay: number): Bounded {
  return weightDecay === 0 ? gradient : add(gradient, scaleBy(parameter, weightDecay));
}
