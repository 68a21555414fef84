/**
 * Error bounds of activations, their gradients and gated units, in bounded arithmetic. A corner (relu at 0) may be
 * taken on either side when the argument's own error reaches it.
 *
 * The reference computes 0.5 x (1 + tanh z) and 0.5 x (1 + erf z) in float64, where 1 + tanh z loses what is below
 * 2^-53; `cancelled` adds that to both GELUs, and to 1 - sigmoid in the gradients.
 */

import { type NdArray, ndarray } from '../../../compute/ndarray.js';
import { erfc } from '../../../layers/activation/erf.js';
import {
  type ActivationKind,
  type ActivationOptions,
  activationSetup,
  geluSigmoidBeta,
  geluTanhCubic,
  geluTanhScale,
} from '../../../layers/activation/kinds.js';
import { cdfCoefficients, cdfScale } from '../../../layers/activation/normal-cdf.js';
import { gamma, unitRoundoff as u } from '../../verify/bounds.js';
import { add, type Bounded, exact, map, multiply, scaleBy, sigmoid } from '../running-error.js';

export interface BoundedActivation {
  value(x: Bounded): Bounded;
  derivative(x: Bounded): Bounded;
}

export function boundedActivation(kind: ActivationKind, options: ActivationOptions = {}): BoundedActivation {
  const { slope, alpha, beta } = activationSetup('boundedActivation', kind, options);
  switch (kind) {
    case 'identity':
      return { value: (x) => x, derivative: (x) => map(x, () => [1, 0]) };
    case 'sigmoid':
      return {
        value: sigmoid,
        derivative: (x) => cancelled(multiply(sigmoid(x), sigmoid(negate(x))), sigmoid(x)),
      };
    case 'relu':
      return corner(0);
    case 'leaky_relu':
      return corner(slope);
    case 'elu':
      return elu(alpha);
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

function negate(x: Bounded): Bounded {
  return map(x, (value, e) => [-value, e]);
}

function corner(slope: number): BoundedActivation {
  const steepest = Math.max(1, Math.abs(slope));
  return {
    value: (x) => map(x, (at, e) => [at > 0 ? at : slope * at, steepest * e + 2 * u * Math.abs(slope * at)]),
    derivative: (x) =>
      map(x, (at, e) => [
        at > 0 ? 1 : slope,
        e > 0 && Math.abs(at) <= e ? Math.abs(1 - slope) : u * Math.abs(slope),
      ]),
  };
}

/** Nine terms of the series near zero, exp(x) - 1 elsewhere; the latter is charged where |x| > 0.4, to be on the safe side. */
function elu(alpha: number): BoundedActivation {
  const size = Math.abs(alpha);
  return {
    value: (x) =>
      map(x, (at, e) => {
        if (at > 0) return [at, Math.max(1, size) * e];
        const value = alpha * Math.expm1(at);
        const own = at > -0.4 ? gamma(22) * 1.3 * Math.abs(value) : u * size * (7 + 4 * Math.abs(at));
        return [value, Math.max(1, size) * e + own + 2 * u * Math.abs(value)];
      }),
    derivative: (x) =>
      map(x, (at, e) => {
        const value = at > 0 ? 1 : alpha * Math.exp(at);
        const jump = e > 0 && Math.abs(at) <= e ? Math.abs(1 - alpha) : 0;
        return [value, jump + (at > 0 ? 0 : Math.abs(value) * (e + u * (8 + 4 * Math.abs(at))))];
      }),
  };
}

const one = exact(ndarray([1], [1]));

/** Beyond this the gates are exactly 0 or 1 on both sides. */
const saturated = 40;

/** x sigmoid(beta x), and sigmoid(beta x) (1 + beta x sigmoid(-beta x)). */
function swish(beta: number): BoundedActivation {
  return {
    value: (x) => multiply(x, sigmoid(scaleBy(x, beta))),
    derivative: (x) => {
      const argument = scaleBy(x, beta);
      const steepness = multiply(argument, sigmoid(negate(argument)));
      return cancelled(
        multiply(sigmoid(argument), add(one, steepness)),
        map(argument, (at) => [Math.min(Math.abs(at), saturated), 0]),
      );
    },
  };
}

const geluTanh: BoundedActivation = {
  value: (x) => cancelled(multiply(x, sigmoid(geluTanhArgument(near(x)))), near(x)),
  derivative: (x) => {
    const at = near(x);
    const argument = geluTanhArgument(at);
    const slope = scaleBy(add(one, scaleBy(multiply(at, at), 3 * geluTanhCubic)), 2 * geluTanhScale);
    const product = multiply(at, slope);
    const steepness = multiply(product, sigmoid(negate(argument)));
    return cancelled(multiply(sigmoid(argument), add(one, steepness)), product);
  },
};

function geluTanhArgument(x: Bounded): Bounded {
  return multiply(scaleBy(x, 2 * geluTanhScale), add(one, scaleBy(multiply(x, x), geluTanhCubic)));
}

function near(x: Bounded): Bounded {
  return map(x, (at, e) => [Math.max(-saturated, Math.min(saturated, at)), e]);
}

const geluErf: BoundedActivation = {
  value: (x) => cancelled(multiply(x, normalCdf(x)), near(x)),
  derivative: (x) => {
    const density = map(near(x), (at, e) => {
      const value = Math.exp(-(at ** 2) / 2) / Math.sqrt(2 * Math.PI);
      return [value, value * (Math.abs(at) * e + u * (10 + 3 * at ** 2)) + 2 ** -126];
    });
    return cancelled(add(normalCdf(x), multiply(near(x), density)), one);
  },
};

/** Sums over the polynomial's terms at |s|, relative to its value: of the terms themselves, and of their slopes. */
function conditioning(s: number): { terms: number; slopes: number } {
  let [value, terms, slopes] = [0, 0, 0];
  cdfCoefficients.forEach((c, power) => {
    value += c * s ** power;
    terms += Math.abs(c * s ** power);
    slopes += power === 0 ? 0 : power * Math.abs(c * s ** (power - 1));
  });
  return { terms: terms / value, slopes: slopes / value };
}

/**
 * Phi as t q(s) exp(-x^2/2) / 2: 2 roundings per coefficient on the size of the terms, the error of s = 2t - 1
 * (14u t + u) times the slope, the fit, and an exponential of the rounded -x^2/2. Right of zero it is one minus that.
 */
function normalCdf(x: Bounded): Bounded {
  const degree = cdfCoefficients.length - 1;
  return map(x, (at, e) => {
    const size = Math.abs(at);
    const tail = erfc(size / Math.SQRT2) / 2;
    const density = Math.exp(-(at ** 2) / 2) / Math.sqrt(2 * Math.PI);
    const t = cdfScale / (cdfScale + size);
    const { terms, slopes } = conditioning(2 * t - 1);
    const shape = gamma(2 * degree) * terms + (14 * t + 1) * u * slopes;
    const exponential = u * ((3 * at ** 2) / 2 + 2 * (3 + at ** 2));
    const own = tail === 0 ? 0 : tail * (shape + 8 * u + 2 ** -24 + exponential);
    return [at < 0 ? tail : 1 - tail, density * e * (1 + size * e) + own + (at < 0 ? 2 ** -126 : u)];
  });
}

/** Adds the float64 roundings of a reference that subtracts from one, times `factor`. */
function cancelled(a: Bounded, factor: Bounded): Bounded {
  const sizes = multiply(
    map(a, () => [1, 0]),
    factor,
  ).value;
  return {
    value: a.value,
    error: {
      shape: a.error.shape,
      data: a.error.data.map((e, n) => e + 2 ** -51 * Math.abs(sizes.data[n]!)),
    },
  };
}

export function activationErrors(
  x: NdArray,
  dy: NdArray | undefined,
  kind: ActivationKind,
  options: ActivationOptions = {},
): { out: Bounded; x?: Bounded } {
  const f = boundedActivation(kind, options);
  const input = exact(x);
  return { out: f.value(input), ...(dy ? { x: multiply(exact(dy), f.derivative(input)) } : {}) };
}

/** value * f(gate) and, with `dy`, the gradients of both. */
export function gatedErrors(
  value: Bounded,
  gate: Bounded,
  dy: Bounded | undefined,
  kind: ActivationKind,
  options: ActivationOptions = {},
): { out: Bounded; value?: Bounded; gate?: Bounded } {
  const f = boundedActivation(kind, options);
  const open = f.value(gate);
  const out = multiply(value, open);
  if (!dy) return { out };
  return { out, value: multiply(dy, open), gate: multiply(multiply(dy, value), f.derivative(gate)) };
}

/** x [..., 2F]: value and gate side by side. */
export function gluErrors(
  x: NdArray,
  dy: NdArray | undefined,
  kind: ActivationKind,
): { out: Bounded; x?: Bounded } {
  const F = x.shape[x.shape.length - 1]! / 2;
  const half = (part: 0 | 1) => {
    const values = ndarray([...x.shape.slice(0, -1), F]);
    for (let n = 0; n < values.data.length; n++) {
      values.data[n] = x.data[Math.floor(n / F) * 2 * F + part * F + (n % F)]!;
    }
    return exact(values);
  };
  const { out, value, gate } = gatedErrors(half(0), half(1), dy && exact(dy), kind);
  if (!value || !gate) return { out };
  const joined = exact(ndarray(x.shape));
  for (let n = 0; n < value.value.data.length; n++) {
    const at = Math.floor(n / F) * 2 * F + (n % F);
    for (const [place, from] of [
      [at, value],
      [at + F, gate],
    ] as const) {
      joined.value.data[place] = from.value.data[n]!;
      joined.error.data[place] = from.error.data[n]!;
    }
  }
  return { out, x: joined };
}
