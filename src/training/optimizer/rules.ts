/**
 * Update rules as pure functions of a parameter, its gradient and what was kept from earlier steps, with PyTorch's
 * semantics: SGD with momentum, Adam (Kingma & Ba 2014, arXiv:1412.6980) and AdamW (Loshchilov & Hutter 2017,
 * arXiv:1711.05101). Weight decay is coupled (added to the gradient as the slope of an L2 penalty, which Adam then divides by
 * sqrt(v)) or decoupled (the parameter shrinks by learningRate * weightDecay, whatever its gradients were).
 */

import { requireHalf } from '../../compute/half/half-result.js';
import { type HalfTensor, halfTensor, isHalf } from '../../compute/half/half-tensor.js';
import { choosePath, type KernelPath } from '../../compute/path.js';
import { requireFloat32, sameShape, shown } from '../../compute/shapes.js';
import { lacksHalf } from '../../compute/storage.js';
import { tf } from '../../compute/tf.js';
import { type AdamStep, adamKernel, runAdam } from './adam.wgsl.js';

export interface Updated {
  parameter: tf.Tensor;
  /** To be passed to the next step: the momentum, or Adam's moments. */
  slots: tf.Tensor[];
}

export interface UpdateRule {
  readonly name: string;
  readonly learningRate: number;
  /** The step depends on the shape of the whole parameter, so that parts of it cannot take it by themselves. */
  readonly whole?: true;
  /**
   * One step. Call it inside tf.tidy: intermediate results are the caller's to free.
   * @param slots of the step before; none at the first @param step counts from 1
   * @param learningRate of this step, where a schedule changes it @param decay whether weight decay applies
   */
  update(
    parameter: tf.Tensor,
    gradient: tf.Tensor,
    slots: readonly tf.Tensor[] | undefined,
    step: number,
    learningRate?: number,
    decay?: boolean,
  ): Updated;
  /** The same for a half parameter and its half gradient by one kernel; undefined where there is none. */
  updateHalf?(
    parameter: HalfTensor,
    gradient: HalfTensor,
    slots: readonly tf.Tensor[] | undefined,
    step: number,
    rule: HalfRule,
    learningRate: number,
    decay: boolean,
  ): UpdatedHalf | undefined;
}

export interface UpdatedHalf {
  parameter: HalfTensor;
  slots: tf.Tensor[];
}

/** How a half parameter is kept and what its gradient means. */
export interface HalfRule {
  /** Whether a float32 copy of the parameter is the last slot, from which every step starts. */
  master: boolean;
  /** The gradient is multiplied by it, in float32. */
  unscale: number;
}

export interface SgdOptions {
  /** Default 1e-3. */
  learningRate?: number;
  /** Default 0. */
  momentum?: number;
  /** The share of a gradient that does not enter the velocity, from the second step on. Default 0. */
  dampening?: number;
  /** Looks one momentum step ahead; needs momentum, and no dampening. Default false. */
  nesterov?: boolean;
  /** Default 0. For plain SGD coupled and decoupled decay are the same. */
  weightDecay?: number;
}

/** @throws RangeError when an option is out of range. */
export function sgd(options: SgdOptions = {}): UpdateRule {
  const { learningRate = 1e-3, momentum = 0, dampening = 0, nesterov = false, weightDecay = 0 } = options;
  requireInRange('sgd', { learningRate, weightDecay });
  requireBelowOne('sgd', { momentum });
  if (!(dampening <= 1 && dampening >= 0)) {
    throw new RangeError(`sgd: dampening must lie in [0, 1], got ${dampening}`);
  }
  if (nesterov && (momentum === 0 || dampening !== 0)) {
    throw new RangeError(
      `sgd: nesterov needs a momentum and no dampening, got momentum ${momentum} and dampening ${dampening}`,
    );
  }
  return {
    name: 'sgd',
    learningRate,
    update(parameter, gradient, slots, _step, rate = learningRate, decay = true) {
      checkUpdate('sgd', parameter, gradient, slots);
      const slope = decay ? penalised(gradient, parameter, weightDecay) : gradient;
      if (momentum === 0) return { parameter: tf.sub(parameter, tf.mul(slope, rate)), slots: [] };
      const entering = dampening === 0 ? slope : tf.mul(slope, 1 - dampening);
      const velocity = slots?.[0] ? tf.add(tf.mul(slots[0], momentum), entering) : tf.clone(slope);
      const direction = nesterov ? tf.add(slope, tf.mul(velocity, momentum)) : velocity;
      return { parameter: tf.sub(parameter, tf.mul(direction, rate)), slots: [velocity] };
    },
  };
}

export interface AdamNumbers {
  /** Default 1e-3. */
  learningRate?: number;
  /** Share of the old first moment. Default 0.9. */
  beta1?: number;
  /** Share of the old second moment. Default 0.999. */
  beta2?: number;
  /** Added to the root of the second moment, outside it. Default 1e-8. */
  eps?: number;
  /** Default 0 for adam, 0.01 for adamW. */
  weightDecay?: number;
  /**
   * Divides by the largest second moment so far, so that no step grows because gradients became small (Reddi et al. 2018,
   * arXiv:1904.09237). Default false.
   */
  amsgrad?: boolean;
}

/** The fused form is one pass over parameter, gradient and moments; it cannot be differentiated. */
export interface AdamOptions extends AdamNumbers {
  path?: KernelPath;
}

/** Adam; a weight decay is coupled (L2). @throws RangeError when an option is out of range. */
export function adam(options: AdamOptions = {}): UpdateRule {
  return adamRule('adam', { weightDecay: 0, ...options }, 'coupled');
}

/** AdamW: Adam with decoupled weight decay. @throws RangeError when an option is out of range. */
export function adamW(options: AdamOptions = {}): UpdateRule {
  return adamRule('adamW', { weightDecay: 0.01, ...options }, 'decoupled');
}

function adamRule(name: string, options: AdamOptions, kind: 'coupled' | 'decoupled'): UpdateRule {
  const { learningRate = 1e-3, beta1 = 0.9, beta2 = 0.999, eps = 1e-8, weightDecay = 0 } = options;
  const { amsgrad = false, path } = options;
  requireInRange(name, { learningRate, eps, weightDecay });
  requireBelowOne(name, { beta1, beta2 });
  const numbers = (step: number, rate: number, decay: boolean): AdamStep => {
    const decayed = decay ? weightDecay : 0;
    return {
      beta1,
      beta2,
      eps,
      penalty: kind === 'coupled' ? decayed : 0,
      shrink: kind === 'decoupled' ? 1 - rate * decayed : 1,
      // Both moments start at zero and are too small by these factors.
      rate: rate / (1 - beta1 ** step),
      rootCorrection: Math.sqrt(1 - beta2 ** step),
      amsgrad,
    };
  };
  return {
    name,
    learningRate,
    update(parameter, gradient, slots, step, rate = learningRate, decay = true) {
      checkUpdate(name, parameter, gradient, slots);
      const fused = choosePath(name, adamKernel, path) === 'fused' && parameter.size > 0;
      return (fused ? runAdam : composedAdam)(parameter, gradient, slots, numbers(step, rate, decay));
    },
    updateHalf({ packed, shape }, gradient, slots, step, rule, rate, decay) {
      const chosen = choosePath(name, adamKernel, path, lacksHalf());
      if (chosen === 'composed' || packed.size === 0) return undefined;
      const half = { shape, ...rule };
      const made = runAdam(packed, gradient.packed, slots, numbers(step, rate, decay), half);
      return { parameter: halfTensor(shape, made.parameter), slots: made.slots };
    },
  };
}

function composedAdam(
  parameter: tf.Tensor,
  gradient: tf.Tensor,
  slots: readonly tf.Tensor[] | undefined,
  { beta1, beta2, eps, penalty, shrink, rate, rootCorrection, amsgrad }: AdamStep,
): Updated {
  const slope = penalised(gradient, parameter, penalty);
  const start = shrink === 1 ? parameter : tf.mul(parameter, shrink);
  const first = mix(slots?.[0], slope, beta1);
  const second = mix(slots?.[1], tf.square(slope), beta2);
  const moments = [first, second];
  if (amsgrad) moments.push(slots?.[2] ? tf.maximum(slots[2], second) : tf.clone(second));
  const size = tf.add(tf.div(tf.sqrt(moments.at(-1)!), rootCorrection), eps);
  return { parameter: tf.sub(start, tf.mul(tf.div(first, size), rate)), slots: moments };
}

/** The gradient with the slope of the penalty weightDecay / 2 |parameter|^2: coupled decay. */
export function penalised(gradient: tf.Tensor, parameter: tf.Tensor, weightDecay: number): tf.Tensor {
  return weightDecay === 0 ? gradient : tf.add(gradient, tf.mul(parameter, weightDecay));
}

/** share * old + (1 - share) * now, with nothing for old at first. */
export function mix(old: tf.Tensor | undefined, now: tf.Tensor, share: number): tf.Tensor {
  const fresh = tf.mul(now, 1 - share);
  return old ? tf.add(tf.mul(old, share), fresh) : fresh;
}

/**
 * @throws TypeError when a tensor is not float32, or parameter and gradient are not both half tensors; RangeError when one has
 *   another shape than the parameter.
 */
export function checkUpdate(
  caller: string,
  parameter: tf.Tensor | HalfTensor,
  gradient: tf.Tensor | HalfTensor,
  slots: readonly tf.Tensor[] | undefined,
): void {
  if (isHalf(parameter) || isHalf(gradient)) requireHalf(caller, { parameter, gradient });
  else requireFloat32(caller, { parameter, gradient });
  for (const tensor of [gradient, ...(slots ?? [])]) {
    if (sameShape(tensor.shape, parameter.shape)) continue;
    throw new RangeError(
      `${caller}: gradient and slots must have the shape of the parameter, got parameter ${shown(parameter.shape)} and ${shown(tensor.shape)}`,
    );
  }
}

/** @throws RangeError when a value is negative or not finite. */
export function requireInRange(caller: string, values: Record<string, number>): void {
  for (const [name, value] of Object.entries(values)) {
    if (!(value >= 0 && Number.isFinite(value))) {
      throw new RangeError(`${caller}: ${name} must be a finite number >= 0, got ${value}`);
    }
  }
}

/** @throws RangeError when a value is outside [0, 1). */
export function requireBelowOne(caller: string, values: Record<string, number>): void {
  for (const [name, value] of Object.entries(values)) {
    if (!(value >= 0 && value < 1)) {
      throw new RangeError(`${caller}: ${name} must lie in [0, 1), got ${value}`);
    }
  }
}
