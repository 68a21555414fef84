/** Error bounds of a parameter after several optimizer steps: the update rules in bounded arithmetic, step by step. */
import type { NdArray } from '../../../compute/ndarray.js';
import type { AdamNumbers, SgdOptions } from '../../../training/optimizer/rules.js';
import { unitRoundoff as u } from '../../verify/bounds.js';
import { add, type Bounded, divide, exact, map, multiply, scaleBy, subtract } from '../running-error.js';

export function sgdErrors(
  parameter: NdArray,
  gradients: readonly NdArray[],
  options: Required<SgdOptions>,
): Bounded {
  const { learningRate, momentum, nesterov, weightDecay } = options;
  let p = exact(parameter);
  let velocity: Bounded | undefined;
  for (const gradient of gradients) {
    const slope = penalised(exact(gradient), p, weightDecay);
    velocity = velocity && momentum !== 0 ? add(scaleBy(velocity, momentum), slope) : slope;
    const direction = nesterov ? add(slope, scaleBy(velocity, momentum)) : velocity;
    p = subtract(p, scaleBy(direction, learningRate));
  }
  return p;
}

export function adamErrors(
  parameter: NdArray,
  gradients: readonly NdArray[],
  { learningRate, beta1, beta2, eps, weightDecay }: Required<AdamNumbers>,
  decoupled: boolean,
): Bounded {
  let p = exact(parameter);
  let moments: [Bounded, Bounded] | undefined;
  gradients.forEach((gradient, index) => {
    const t = index + 1;
    const slope = decoupled ? exact(gradient) : penalised(exact(gradient), p, weightDecay);
    // A square may vanish; its root then lacks up to 2^-63.
    const square = map(multiply(slope, slope), (x, e) => [x, e + 2 ** -126]);
    const mix = (old: Bounded | undefined, now: Bounded, share: number) => {
      const fresh = scaleBy(now, 1 - share);
      return old ? add(scaleBy(old, share), fresh) : fresh;
    };
    moments = [mix(moments?.[0], slope, beta1), mix(moments?.[1], square, beta2)];
    const size = map(scaleBy(moments[1], 1 / (1 - beta2 ** t)), (x, e) => {
      const root = Math.sqrt(x);
      const own = Math.min(Math.sqrt(e), e / (2 * Math.sqrt(Math.max(x - e, 0))));
      return [root + eps, own + 12 * u * root + 2 * u * eps];
    });
    const start = decoupled ? scaleBy(p, 1 - learningRate * weightDecay) : p;
    const move = scaleBy(divide(moments[0], size), learningRate / (1 - beta1 ** t));
    p = subtract(start, scaleBy(move, 1));
  });
  return p;
}

function penalised(gradient: Bounded, parameter: Bounded, weightDecay: number): Bounded {
  return weightDecay === 0 ? gradient : add(gradient, scaleBy(parameter, weightDecay));
}
