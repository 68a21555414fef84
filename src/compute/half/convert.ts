/**
 * float32 to half precision and back, bit for bit the same on every backend: one kernel name in tfjs's registry, in WGSL for
 * webgpu (by integers, so that it needs no shader-f16) and in JavaScript for the others.
 */
import { defineKernel } from '../kernel.js';
import { spread } from '../launch.js';
import { sizeOf } from '../ndarray.js';
import { asPackedGradient } from '../packed-gradient.js';
import { makeTensor } from '../repairs/override.js';
import { requireFloat32 } from '../shapes.js';
import type { tf } from '../tf.js';
// For what it registers.
import './add.js';
import { binary16Code, halfBits, halfValue } from './binary16.js';
import { registerEverywhere } from './everywhere.js';
import { type HalfTensor, halfTensor, isHalf, packedShape } from './half-tensor.js';

const threads = 256;

const body = (statements: string) => `${binary16Code}
@compute @workgroup_size(${threads})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
        @builtin(local_invocation_index) lane: u32) {
  let pair = (group.x + group.y * groups.x) * ${threads}u + lane;
  if (2u * pair >= u.count) { return; }
  let whole = 2u * pair + 1u < u.count;
  ${statements}
}`;

const packKernel = defineKernel({
  name: 'half.pack',
  internal: true,
  inputs: { x: 'f32' },
  outputs: { y: 'u32' },
  uniforms: { count: 'u32' },
  code: body(`var word = halfBits(bitcast<u32>(x[2u * pair]));
  if (whole) { word |= halfBits(bitcast<u32>(x[2u * pair + 1u])) << 16u; }
  y[pair] = word;`),
});

const unpackKernel = defineKernel({
  name: 'half.unpack',
  internal: true,
  inputs: { x: 'u32' },
  outputs: { y: 'f32' },
  uniforms: { count: 'u32' },
  code: body(`let word = x[pair];
  y[2u * pair] = bitcast<f32>(floatBits(word & 0xffffu));
  if (whole) { y[2u * pair + 1u] = bitcast<f32>(floatBits(word >> 16u)); }`),
});

type Shape = { shape: number[] };

const workgroups = (count: number) => spread(Math.ceil(count / 2 / threads));

/** Rounds and packs; `kind` labels the result. Its gradient is unpacked. */
const packing = (name: string, kind: (packed: tf.TensorInfo) => tf.TensorInfo) =>
  registerEverywhere(
    {
      name,
      inputs: ['x'],
      forward: ({ x }, { shape }: Shape, launch) => {
        const count = sizeOf(shape);
        const { y } = launch(packKernel, {
          inputs: { x },
          outputs: { y: { shape: packedShape(shape) } },
          uniforms: { count },
          workgroups: workgroups(count),
        });
        return [kind(y)];
      },
      gradient: { backward: ([dy], _saved, { shape }) => ({ x: () => gradientToFloat(dy!, shape) }) },
    },
    ({ x }, { shape }, backend) => {
      const values = backend.readSync(x.dataId) as Float32Array;
      const words = new Int32Array(packedShape(shape)[0]);
      for (let n = 0; n < values.length; n++) words[n >> 1]! |= halfBits(values[n]!) << ((n & 1) * 16);
      return kind(makeTensor(backend, packedShape(shape), 'int32', words));
    },
  );

const pack = packing('KernelbookToHalf', (packed) => packed);
const packGradient = packing('KernelbookToHalfGradient', asPackedGradient);

const unpack = registerEverywhere(
  {
    name: 'KernelbookToFloat',
    inputs: ['x'],
    forward: ({ x }, { shape }: Shape, launch) => {
      const count = sizeOf(shape);
      const { y } = launch(unpackKernel, {
        inputs: { x },
        outputs: { y: { shape } },
        uniforms: { count },
        workgroups: workgroups(count),
      });
      return [y];
    },
    gradient: { backward: ([dy], _saved, { shape }) => ({ x: () => gradientToHalf(dy!, shape) }) },
  },
  ({ x }, { shape }, backend) => {
    const words = backend.readSync(x.dataId) as Int32Array;
    const values = Float32Array.from({ length: sizeOf(shape) }, (_, n) =>
      halfValue(words[n >> 1]! >>> ((n & 1) * 16)),
    );
    return makeTensor(backend, shape, 'float32', values);
  },
);

/** A float32 gradient with respect to a half tensor of `shape`, rounded and packed as the tape wants it. */
export function gradientToHalf(gradient: tf.Tensor, shape: number[]): tf.Tensor {
  return packGradient.run({ x: gradient }, { shape })[0]!;
}

/** The numbers of a packed gradient with respect to a half tensor of `shape`. */
export function gradientToFloat(gradient: tf.Tensor, shape: number[]): tf.Tensor {
  return unpack.run({ x: gradient }, { shape })[0]!;
}

/**
 * Rounds a tensor to half precision: to nearest even, from 65,520 on to Infinity, below 2^-14 to multiples of 2^-24; NaN
 * stays NaN. The same bits on every backend.
 * @param x any shape, float32
 * @returns the same shape, in half the memory; differentiable: x gets the half gradient in float32
 * @throws TypeError when x is not float32.
 */
export function toHalf(x: tf.Tensor): HalfTensor {
  if (isHalf(x)) throw new TypeError(`toHalf: x is a ${x} already; give it a float32 tensor`);
  requireFloat32('toHalf', { x });
  return halfTensor(x.shape, pack.run({ x }, { shape: x.shape })[0]!);
}

/**
 * The same numbers in float32, exactly. Differentiable: the gradient is rounded to half precision.
 * @throws TypeError when `half` is not a half tensor.
 */
export function toFloat(half: HalfTensor): tf.Tensor {
  if (!isHalf(half)) throw new TypeError('toFloat: needs a half tensor, as toHalf makes it');
  return unpack.run({ x: half.packed }, { shape: half.shape })[0]!;
}
