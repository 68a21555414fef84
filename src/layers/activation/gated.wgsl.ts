/**
 * Fused gated units for the GPU: value * f(gate) in one pass, and both gradients in one pass, from two tensors or from the
 * two halves of the last axis of one. Nothing between is stored.
 */
import { registerFused } from '../../compute/fused.js';
import { defineKernel, type ElementType } from '../../compute/kernel.js';
import { spread } from '../../compute/launch.js';
import { sizeOf } from '../../compute/ndarray.js';
import {
  elementOf,
  gradientOf,
  type Storage,
  storageCode,
  storageExtensions,
  storageOf,
  storageSuffix,
  storedShape,
} from '../../compute/storage.js';
import type { tf } from '../../compute/tf.js';
import { remember } from '../../compute/variants.js';
import { activationCode, activationUniforms } from './activation.wgsl.js';
import type { ActivationKind, ActivationOptions } from './kinds.js';

export const gatedKernel = 'KernelbookGated';

const threads = 256;

interface GatedVariant {
  kind: ActivationKind;
  width: 1 | 4;
  storage: Storage;
}

const uniforms = { count: 'u32', columns: 'u32', ...activationUniforms } as const;

/** `shape` of the input, which a packed half tensor does not have. */
type Attributes = Required<ActivationOptions> & { kind: ActivationKind; shape: number[] };

const element = ({ width, storage }: GatedVariant): ElementType => elementOf(storage, width);

/** Elementwise over `count` vectors; `columns` of them make up F. */
const body = (variant: GatedVariant, statements: string) => `
${storageCode(variant.storage, variant.width)}${activationCode(variant.kind)}
@compute @workgroup_size(${threads})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
        @builtin(local_invocation_index) lane: u32) {
  let at = (group.x + group.y * groups.x) * ${threads}u + lane;
  if (at >= u.count) { return; }
  ${statements}
}`;

/** Places of value and gate in [..., 2F]. */
const halves = `let first = at + at / u.columns * u.columns;
  let second = first + u.columns;`;

const pairForward = remember((variant: GatedVariant) =>
  defineKernel({
    name: `gated.forward${storageSuffix(variant.storage)}`,
    extensions: storageExtensions(variant.storage),
    inputs: { v: element(variant), g: element(variant) },
    outputs: { y: element(variant) },
    uniforms,
    code: body(variant, 'y[at] = W(V(v[at]) * value(V(g[at])));'),
  }),
);

const pairBackward = remember((variant: GatedVariant) =>
  defineKernel({
    name: `gated.backward${storageSuffix(variant.storage)}`,
    extensions: storageExtensions(variant.storage),
    inputs: { v: element(variant), g: element(variant), dy: element(variant) },
    outputs: { dv: element(variant), dg: element(variant) },
    uniforms,
    code: body(
      variant,
      `let gate = V(g[at]);
  let upstream = V(dy[at]);
  dv[at] = W(upstream * value(gate));
  dg[at] = W(upstream * V(v[at]) * derivative(gate));`,
    ),
  }),
);

const halvesForward = remember((variant: GatedVariant) =>
  defineKernel({
    name: `glu.forward${storageSuffix(variant.storage)}`,
    extensions: storageExtensions(variant.storage),
    inputs: { x: element(variant) },
    outputs: { y: element(variant) },
    uniforms,
    code: body(variant, `${halves}\n  y[at] = W(V(x[first]) * value(V(x[second])));`),
  }),
);

const halvesBackward = remember((variant: GatedVariant) =>
  defineKernel({
    name: `glu.backward${storageSuffix(variant.storage)}`,
    extensions: storageExtensions(variant.storage),
    inputs: { x: element(variant), dy: element(variant) },
    outputs: { dx: element(variant) },
    uniforms,
    code: body(
      variant,
      `${halves}
  let gate = V(x[second]);
  let upstream = V(dy[at]);
  dx[first] = W(upstream * value(gate));
  dx[second] = W(upstream * V(x[first]) * derivative(gate));`,
    ),
  }),
);

/** `F`: features of one half, or all elements where value and gate are separate. */
function setup(x: tf.TensorInfo, size: number, F: number, { kind, slope, alpha, beta }: Attributes) {
  const width = F % 4 === 0 ? 4 : 1;
  const count = size / width;
  return {
    variant: { kind, width, storage: storageOf(x) } as GatedVariant,
    uniforms: { count, columns: F / width, slope, alpha, beta },
    workgroups: spread(Math.ceil(count / threads)),
  };
}

const pairGradient = registerFused({
  name: 'KernelbookGatedGradient',
  inputs: ['v', 'g', 'dy'],
  forward: (inputs, attributes: Attributes, launch) => {
    const { shape } = inputs.v;
    const size = sizeOf(attributes.shape);
    const { variant, ...sizes } = setup(inputs.v, size, size, attributes);
    const { dv, dg } = launch(pairBackward(variant), {
      inputs,
      outputs: { dv: { shape }, dg: { shape } },
      ...sizes,
    });
    return [gradientOf(variant.storage, dv), gradientOf(variant.storage, dg)];
  },
});

const pair = registerFused({
  name: gatedKernel,
  inputs: ['v', 'g'],
  forward: (inputs, attributes: Attributes, launch) => {
    const size = sizeOf(attributes.shape);
    const { variant, ...sizes } = setup(inputs.v, size, size, attributes);
    const outputs = { y: { shape: storedShape(variant.storage, attributes.shape) } };
    return [launch(pairForward(variant), { inputs, outputs, ...sizes }).y];
  },
  gradient: {
    saveInputs: ['v', 'g'],
    backward: ([dy], [v, g], attributes) => {
      // At once, not per input: tfjs disposes what one input's function leaves behind before it asks for the next.
      const [dv, dg] = pairGradient.run({ v: v!, g: g!, dy: dy! }, attributes) as [tf.Tensor, tf.Tensor];
      return { v: () => dv, g: () => dg };
    },
  },
});

const oneGradient = registerFused({
  name: 'KernelbookGluGradient',
  inputs: ['x', 'dy'],
  forward: ({ x, dy }, attributes: Attributes, launch) => {
    const F = attributes.shape.at(-1)! / 2;
    const { variant, ...sizes } = setup(x, sizeOf(attributes.shape) / 2, F, attributes);
    const { dx } = launch(halvesBackward(variant), {
      inputs: { x, dy },
      outputs: { dx: { shape: x.shape } },
      ...sizes,
    });
    return [gradientOf(variant.storage, dx)];
  },
});

const one = registerFused({
  name: 'KernelbookGlu',
  inputs: ['x'],
  forward: ({ x }, attributes: Attributes, launch) => {
    const shape = [...attributes.shape.slice(0, -1), attributes.shape.at(-1)! / 2];
    const { variant, ...sizes } = setup(x, sizeOf(shape), shape.at(-1)!, attributes);
    const outputs = { y: { shape: storedShape(variant.storage, shape) } };
    return [launch(halvesForward(variant), { inputs: { x }, outputs, ...sizes }).y];
  },
  gradient: {
    saveInputs: ['x'],
    backward: ([dy], [x], attributes) => ({
      x: () => oneGradient.run({ x: x!, dy: dy! }, attributes)[0]!,
    }),
  },
});

/** value * f(gate) by the fused kernel, of float32 or packed half tensors of `shape`; checked by the caller, not empty. */
export function runGated(
  value: tf.Tensor,
  gate: tf.Tensor,
  kind: ActivationKind,
  options: Required<ActivationOptions>,
  shape: number[] = value.shape,
): tf.Tensor {
  return pair.run({ v: value, g: gate }, { kind, ...options, shape })[0]!;
}

/** x [..., 2F], float32 or packed, -> [..., F], value half times f(gate half), by the fused kernel; not empty. */
export function runGlu(
  x: tf.Tensor,
  kind: ActivationKind,
  options: Required<ActivationOptions>,
  shape: number[] = x.shape,
): tf.Tensor {
  return one.run({ x }, { kind, ...options, shape })[0]!;
}
