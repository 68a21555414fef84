/**
 * Gated linear units: one half of the features multiplied by an activation of the other. GLU itself has a sigmoid gate
 * (Dauphin et al. 2016, arXiv:1612.08083); bilinear, ReGLU, GEGLU and SwiGLU differ in the gate only (Shazeer 2020,
 * arXiv:2002.05202).
 */

import { withGradient } from '../../compute/gradient.js';
import { toFloat } from '../../compute/half/convert.js';
import { halfResult, requireHalf } from '../../compute/half/half-result.js';
import { type HalfTensor, isHalf } from '../../compute/half/half-tensor.js';
import { sizeOf } from '../../compute/ndarray.js';
import { choosePath, type KernelPath } from '../../compute/path.js';
import { requireFloat32, sameShape, shown } from '../../compute/shapes.js';
import { tf } from '../../compute/tf.js';
import { composedActivation } from './activation.js';
import { gatedKernel, runGated, runGlu } from './gated.wgsl.js';
import { type ActivationKind, type ActivationOptions, activationSetup } from './kinds.js';

/** The activation of the gate, by the name of the unit. */
export const gluGates = {
  glu: 'sigmoid',
  bilinear: 'identity',
  reglu: 'relu',
  geglu: 'gelu_erf',
  swiglu: 'silu',
} as const satisfies Record<string, ActivationKind>;

export type GluKind = keyof typeof gluGates;

export interface GluOptions {
  path?: KernelPath;
}

/**
 * Splits the last axis of x into value (first half) and gate (second half), as PyTorch's glu does, and returns
 * value * f(gate).
 * @param x [..., 2F], float32, or a half tensor, which is computed in float32 and rounded once
 * @returns [..., F] of the kind of x, differentiable for float32
 * @throws TypeError when x is not float32; RangeError when its last axis is odd or the kind is unknown; Error when path
 *   'fused' is asked for on a backend without the kernel.
 */
export function glu(x: HalfTensor, kind?: GluKind, options?: GluOptions): HalfTensor;
export function glu(x: tf.Tensor, kind?: GluKind, options?: GluOptions): tf.Tensor;
export function glu(
  x: tf.Tensor | HalfTensor,
  kind: GluKind = 'glu',
  { path }: GluOptions = {},
): tf.Tensor | HalfTensor {
  if (isHalf(x)) {
    const shape = [...x.shape.slice(0, -1), gluHalf(x.shape, kind)];
    const gate = gluGates[kind];
    const fused = () => runGlu(x.packed, gate, activationSetup('glu', gate, {}), x.shape);
    return halfResult('glu', gatedKernel, path, shape, fused, () => glu(toFloat(x), kind, { path }));
  }
  requireFloat32('glu', { x });
  const half = gluHalf(x.shape, kind);
  if (choosePath('glu', gatedKernel, path) === 'fused' && x.size > 0) {
    return runGlu(x, gluGates[kind], activationSetup('glu', gluGates[kind], {}));
  }
  const rest = x.shape.slice(0, -1);
  return tf.tidy(() => {
    const rows = tf.reshape(x, [sizeOf(rest), 2 * half]);
    const part = (start: number) =>
      tf.reshape(tf.slice(rows, [0, start], [sizeOf(rest), half]), [...rest, half]);
    return gatedActivation(part(0), part(half), gluGates[kind], { path: 'composed' });
  });
}

/** F of [..., 2F]. */
export function gluHalf(x: readonly number[], kind: GluKind): number {
  if (!Object.hasOwn(gluGates, kind)) {
    throw new RangeError(
      `glu: unknown kind ${JSON.stringify(kind)}; use one of ${Object.keys(gluGates).join(', ')}`,
    );
  }
  const last = x[x.length - 1];
  if (last === undefined || last % 2 !== 0) {
    throw new RangeError(
      `glu: x must be [..., 2F], value and gate of equal width; got ${shown(x)}, whose last axis cannot be halved`,
    );
  }
  return last / 2;
}

/**
 * value * f(gate), element by element, in one step: its gradient keeps the two inputs and no intermediate.
 * @param value any shape, float32 @param gate the same shape; or both half tensors, computed in float32 and rounded once
 * @returns the same shape and kind, differentiable in both for float32
 * @throws TypeError when an input is not float32; RangeError when the shapes differ or the kind is unknown; Error when
 *   path 'fused' is asked for on a backend without the kernel.
 */
export function gatedActivation(
  value: HalfTensor,
  gate: HalfTensor,
  kind: ActivationKind,
  options?: ActivationOptions & GluOptions,
): HalfTensor;
export function gatedActivation(
  value: tf.Tensor,
  gate: tf.Tensor,
  kind: ActivationKind,
  options?: ActivationOptions & GluOptions,
): tf.Tensor;
export function gatedActivation(
  value: tf.Tensor | HalfTensor,
  gate: tf.Tensor | HalfTensor,
  kind: ActivationKind,
  options: ActivationOptions & GluOptions = {},
): tf.Tensor | HalfTensor {
  if (isHalf(value) || isHalf(gate)) {
    requireHalf('gatedActivation', { value, gate });
    return halfGated(value as HalfTensor, gate as HalfTensor, kind, options);
  }
  requireFloat32('gatedActivation', { value, gate });
  requireSameShape(value.shape, gate.shape);
  const setup = activationSetup('gatedActivation', kind, options);
  if (choosePath('gatedActivation', gatedKernel, options.path) === 'fused' && value.size > 0) {
    return runGated(value, gate, kind, setup);
  }
  const f = composedActivation(kind, setup);
  return withGradient([value, gate], (save) => {
    save([value, gate]);
    return {
      value: tf.mul(value, f.value(gate)),
      gradient: (dy, saved) => {
        const [v, g] = saved as [tf.Tensor, tf.Tensor];
        return [tf.mul(dy, f.value(g)), f.gradient(tf.mul(dy, v), g)];
      },
    };
  });
}

function halfGated(
  value: HalfTensor,
  gate: HalfTensor,
  kind: ActivationKind,
  options: ActivationOptions & GluOptions,
): HalfTensor {
  const { shape } = value;
  requireSameShape(shape, gate.shape);
  const setup = activationSetup('gatedActivation', kind, options);
  const fused = () => runGated(value.packed, gate.packed, kind, setup, shape);
  const floats = () => gatedActivation(toFloat(value), toFloat(gate), kind, options);
  return halfResult('gatedActivation', gatedKernel, options.path, shape, fused, floats);
}

function requireSameShape(value: readonly number[], gate: readonly number[]): void {
  if (sameShape(value, gate)) return;
  throw new RangeError(
    `gatedActivation: value and gate must have the same shape, got value ${shown(value)} and gate ${shown(gate)}`,
  );
}
