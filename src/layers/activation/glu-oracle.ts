/** Gated linear units in float64 with plain loops, forward and gradient. */
import { type NdArray, ndarray } from '../../compute/ndarray.js';
import { scalarActivation } from './activation-oracle.js';
import { type GluKind, gluGates, gluHalf } from './glu.js';
import type { ActivationKind, ActivationOptions } from './kinds.js';

/** value * f(gate), element by element. */
export function gatedActivationOracle(
  value: NdArray,
  gate: NdArray,
  kind: ActivationKind,
  options: ActivationOptions = {},
): NdArray {
  const f = scalarActivation(kind, options);
  const y = ndarray(value.shape);
  for (let n = 0; n < y.data.length; n++) y.data[n] = value.data[n]! * f.value(gate.data[n]!);
  return y;
}

/** Gradients of sum(dy * value * f(gate)). */
export function gatedActivationGradientOracle(
  value: NdArray,
  gate: NdArray,
  dy: NdArray,
  kind: ActivationKind,
  options: ActivationOptions = {},
): { value: NdArray; gate: NdArray } {
  const f = scalarActivation(kind, options);
  const [dvalue, dgate] = [ndarray(value.shape), ndarray(gate.shape)];
  for (let n = 0; n < dy.data.length; n++) {
    dvalue.data[n] = dy.data[n]! * f.value(gate.data[n]!);
    dgate.data[n] = dy.data[n]! * value.data[n]! * f.derivative(gate.data[n]!);
  }
  return { value: dvalue, gate: dgate };
}

/** x [..., 2F] -> [..., F]. */
export function gluOracle(x: NdArray, kind: GluKind = 'glu'): NdArray {
  const F = gluHalf(x.shape, kind);
  const f = scalarActivation(gluGates[kind]);
  const y = ndarray([...x.shape.slice(0, -1), F]);
  for (let n = 0; n < y.data.length; n++) {
    const at = Math.floor(n / F) * 2 * F + (n % F);
    y.data[n] = x.data[at]! * f.value(x.data[at + F]!);
  }
  return y;
}

/** Gradient of sum(dy * glu(x)); dy [..., F] -> [..., 2F]. */
export function gluGradientOracle(x: NdArray, dy: NdArray, kind: GluKind = 'glu'): NdArray {
  const F = gluHalf(x.shape, kind);
  const f = scalarActivation(gluGates[kind]);
  const dx = ndarray(x.shape);
  for (let n = 0; n < dy.data.length; n++) {
    const at = Math.floor(n / F) * 2 * F + (n % F);
    dx.data[at] = dy.data[n]! * f.value(x.data[at + F]!);
    dx.data[at + F] = dy.data[n]! * x.data[at]! * f.derivative(x.data[at + F]!);
  }
  return dx;
}
