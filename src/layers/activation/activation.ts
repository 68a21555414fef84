/**
 * Activation functions with their gradients from one table, stable for arguments of any size: every gate is a sigmoid
 * or a normal tail that keeps its relative accuracy where it is small. GELU's tanh form is written as x sigmoid(2z),
 * because 1 + tanh z cancels for negative z.
 */

import { withGradient } from '../../compute/gradient.js';
import { requireFloat32 } from '../../compute/shapes.js';
import { tf } from '../../compute/tf.js';
import {
  type ActivationKind,
  type ActivationOptions,
  activationSetup,
  geluSigmoidBeta,
  geluTanhCubic,
  geluTanhScale,
} from './kinds.js';
import { normalCdf, normalDensity } from './normal-cdf.js';

/**
 * f(x) element by element. An infinite argument gives what float arithmetic gives: silu and the GELUs of -Infinity
 * are NaN (-Infinity times 0), as in PyTorch.
 * @param x any shape, float32
 * @returns the shape of x, differentiable
 * @throws TypeError when x is not float32; RangeError for an unknown kind or a parameter that is not finite.
 */
export function activation(x: tf.Tensor, kind: ActivationKind, options: ActivationOptions = {}): tf.Tensor {
  requireFloat32('activation', { x });
  const { value, gradient } = composedActivation(kind, activationSetup('activation', kind, options));
  return withGradient([x], (save) => {
    save([x]);
    return { value: value(x), gradient: (dy, [at]) => [gradient(dy, at!)] };
  });
}

/** A function of one variable and the product of its derivative with dy. */
export interface ComposedActivation {
  value(x: tf.Tensor): tf.Tensor;
  gradient(dy: tf.Tensor, x: tf.Tensor): tf.Tensor;
}

export function composedActivation(
  kind: ActivationKind,
  { slope, alpha, beta }: Required<ActivationOptions>,
): ComposedActivation {
  switch (kind) {
    case 'identity':
      return { value: (x) => tf.clone(x), gradient: (dy) => tf.clone(dy) };
    case 'sigmoid':
      return {
        value: (x) => tf.sigmoid(x),
        gradient: (dy, x) => tf.mul(dy, tf.mul(tf.sigmoid(x), tf.sigmoid(tf.neg(x)))),
      };
    case 'relu':
      return {
        value: (x) => tf.where(tf.lessEqual(x, 0), tf.zerosLike(x), x),
        gradient: (dy, x) => tf.where(tf.lessEqual(x, 0), tf.zerosLike(x), dy),
      };
    case 'leaky_relu':
      return {
        value: (x) => tf.where(tf.greater(x, 0), x, tf.mul(x, slope)),
        gradient: (dy, x) => tf.where(tf.greater(x, 0), dy, tf.mul(dy, slope)),
      };
    case 'elu':
      return {
        value: (x) => tf.where(tf.greater(x, 0), x, tf.mul(tf.expm1(x), alpha)),
        gradient: (dy, x) => tf.where(tf.greater(x, 0), dy, tf.mul(dy, tf.mul(tf.exp(x), alpha))),
      };
    case 'swish':
      return swish(beta);
    case 'silu':
      return swish(1);
    case 'gelu_sigmoid':
      return swish(geluSigmoidBeta);
    case 'gelu_tanh':
      return geluTanh;
    case 'gelu_erf':
      return geluErf;
  }
}

/** Large enough for every gate to be exactly 0 or 1, small enough for its products with beta to stay finite. */
const farOut = 1e30;

function swish(beta: number): ComposedActivation {
  return {
    value: (x) => tf.mul(x, tf.sigmoid(tf.mul(x, beta))),
    gradient: (dy, x) => {
      const argument = tf.mul(x, beta);
      // 1 - sigmoid(a) is sigmoid(-a), without the cancellation.
      const rest = tf.sigmoid(tf.neg(argument));
      const steepness = tf.mul(tf.mul(tf.clipByValue(x, -farOut, farOut), beta), rest);
      return tf.mul(dy, tf.mul(tf.sigmoid(argument), tf.add(steepness, 1)));
    },
  };
}

/** The gate is 0 or 1 long before; clipping keeps the cube inside the range. */
const geluSaturated = 30;

/** A NaN stays one: not every backend's clipByValue keeps it. */
function bounded(x: tf.Tensor): tf.Tensor {
  const near = tf.clipByValue(x, -geluSaturated, geluSaturated);
  return tf.where(tf.greater(tf.abs(x), geluSaturated), near, x);
}

const geluTanh: ComposedActivation = {
  value: (x) => tf.mul(x, tf.sigmoid(geluTanhArgument(bounded(x)))),
  gradient: (dy, x) => {
    const near = bounded(x);
    const argument = geluTanhArgument(near);
    const slope = tf.mul(tf.add(tf.mul(tf.square(near), 3 * geluTanhCubic), 1), 2 * geluTanhScale);
    const steepness = tf.mul(tf.mul(near, slope), tf.sigmoid(tf.neg(argument)));
    return tf.mul(dy, tf.mul(tf.sigmoid(argument), tf.add(steepness, 1)));
  },
};

function geluTanhArgument(x: tf.Tensor): tf.Tensor {
  return tf.mul(tf.mul(x, 2 * geluTanhScale), tf.add(tf.mul(tf.square(x), geluTanhCubic), 1));
}

const geluErf: ComposedActivation = {
  value: (x) => tf.mul(x, normalCdf(x)),
  gradient: (dy, x) => {
    const near = bounded(x);
    return tf.mul(dy, tf.add(normalCdf(x), tf.mul(near, normalDensity(x))));
  },
};
