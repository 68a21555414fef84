/** The activation functions and their derivatives in float64, one number at a time, as their papers write them. */
import { type NdArray, ndarray } from '../../compute/ndarray.js';
import { erfc } from './erf.js';
import { type ActivationKind, type ActivationOptions, activationSetup } from './kinds.js';

/** f(x) element by element. */
export function activationOracle(x: NdArray, kind: ActivationKind, options: ActivationOptions = {}): NdArray {
  const { value } = scalarActivation(kind, options);
  const y = ndarray(x.shape);
  for (let n = 0; n < x.data.length; n++) y.data[n] = value(x.data[n]!);
  return y;
}

/** Gradient of sum(dy * f(x)) with respect to x. */
export function activationGradientOracle(
  x: NdArray,
  dy: NdArray,
  kind: ActivationKind,
  options: ActivationOptions = {},
): NdArray {
  const { derivative } = scalarActivation(kind, options);
  const dx = ndarray(x.shape);
  for (let n = 0; n < x.data.length; n++) dx.data[n] = dy.data[n]! * derivative(x.data[n]!);
  return dx;
}

export interface ScalarActivation {
  value(x: number): number;
  derivative(x: number): number;
}

/** One function of one number; `derivative` takes the left side at a corner, as PyTorch does. */
export function scalarActivation(kind: ActivationKind, options: ActivationOptions = {}): ScalarActivation {
  const { slope, alpha, beta } = activationSetup('scalarActivation', kind, options);
  switch (kind) {
    case 'identity':
      return { value: (x) => x, derivative: () => 1 };
    case 'sigmoid':
      return { value: sigmoid, derivative: (x) => sigmoid(x) * sigmoid(-x) };
    case 'relu':
      return { value: (x) => (x <= 0 ? 0 : x), derivative: (x) => (x <= 0 ? 0 : 1) };
    case 'leaky_relu':
      return { value: (x) => (x > 0 ? x : slope * x), derivative: (x) => (x > 0 ? 1 : slope) };
    case 'elu':
      return {
        value: (x) => (x > 0 ? x : alpha * Math.expm1(x)),
        derivative: (x) => (x > 0 ? 1 : alpha * Math.exp(x)),
      };
    case 'swish':
      return swish(beta);
    case 'silu':
      return swish(1);
    case 'gelu_sigmoid':
      return swish(1.702);
    case 'gelu_tanh':
      return {
        value: (x) => 0.5 * x * (1 + Math.tanh(inner(x))),
        derivative: (x) => {
          const t = Math.tanh(inner(x));
          const steepness = Math.abs(t) === 1 ? 0 : (1 - t * t) * innerSlope(x);
          return 0.5 * (1 + t) + (steepness === 0 ? 0 : 0.5 * x * steepness);
        },
      };
    case 'gelu_erf':
      return {
        value: (x) => (x * erfc(-x * Math.SQRT1_2)) / 2,
        derivative: (x) => {
          const density = Math.exp((-x * x) / 2) / Math.sqrt(2 * Math.PI);
          return erfc(-x * Math.SQRT1_2) / 2 + (density === 0 ? 0 : x * density);
        },
      };
  }
}

function sigmoid(x: number): number {
  return 1 / (1 + Math.exp(-x));
}

function swish(beta: number): ScalarActivation {
  return {
    value: (x) => x * sigmoid(beta * x),
    derivative: (x) => {
      const gate = sigmoid(beta * x);
      const slope = beta * gate * sigmoid(-beta * x);
      // The slope is 0 long before x is infinite.
      return gate + (slope === 0 ? 0 : x * slope);
    },
  };
}

function inner(x: number): number {
  return Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3);
}

function innerSlope(x: number): number {
  return Math.sqrt(2 / Math.PI) * (1 + 3 * 0.044715 * x ** 2);
}
