/**
 * float32 to half precision and back, bit for bit the same on every backend: one kernel name in tfjs's registry, in WGSL for
 * webgpu (by integers, so that it needs no shader-f16) and in JavaScript for the others.
 */
import { type FusedDefinition, registerFused } from '../compute/fused.js';
import { defineKernel, spread } from '../compute/launch.js';
import { sizeOf } from '../compute/ndarray.js';
import { type KernelBackend, makeTensor } from '../compute/repairs/override.js';
import { tf } from '../compute/tf.js';
import { requireFloat32 } from '../shapes.js';
import { binary16Code, halfBits, halfValue } from './binary16.js';
import { type HalfTensor, halfTensor, isHalf, noGradient, packedShape } from './half-tensor.js';

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

type Attributes = { shape: number[] };

/** One operation on every backend. `compute` is its form on the CPU. */
function register(
  definition: Pick<FusedDefinition<'x', Attributes>, 'name' | 'forward'>,
  compute: (x: tf.TensorInfo, shape: number[], backend: KernelBackend) => tf.TensorInfo,
) {
  for (const backendName of ['cpu', 'wasm', 'tensorflow']) {
    if (tf.getKernel(definition.name, backendName)) tf.unregisterKernel(definition.name, backendName);
    tf.registerKernel({
      kernelName: definition.name,
      backendName,
      kernelFunc: ({ inputs, attrs, backend }) =>
        compute(inputs.x!, (attrs as unknown as Attributes).shape, backend as KernelBackend),
    });
  }
  return registerFused({ ...definition, inputs: ['x'], gradient: noGradient });
}

const workgroups = (count: number) => spread(Math.ceil(count / 2 / threads));

const pack = register(
  {
    name: 'KernelbookToHalf',
    forward: ({ x }, { shape }, launch) => {
      const count = sizeOf(shape);
      const outputs = { y: { shape: packedShape(shape) } };
      return [
        launch(packKernel, { inputs: { x }, outputs, uniforms: { count }, workgroups: workgroups(count) }).y,
      ];
    },
  },
  (x, shape, backend) => {
    const values = backend.readSync(x.dataId) as Float32Array;
    const words = new Int32Array(packedShape(shape)[0]);
    for (let n = 0; n < values.length; n++) words[n >> 1]! |= halfBits(values[n]!) << ((n & 1) * 16);
    return makeTensor(backend, packedShape(shape), 'int32', words);
  },
);

const unpack = register(
  {
    name: 'KernelbookToFloat',
    forward: ({ x }, { shape }, launch) => {
      const count = sizeOf(shape);
      const outputs = { y: { shape } };
      return [
        launch(unpackKernel, { inputs: { x }, outputs, uniforms: { count }, workgroups: workgroups(count) })
          .y,
      ];
    },
  },
  (x, shape, backend) => {
    const words = backend.readSync(x.dataId) as Int32Array;
    const values = Float32Array.from({ length: sizeOf(shape) }, (_, n) =>
      halfValue(words[n >> 1]! >>> ((n & 1) * 16)),
    );
    return makeTensor(backend, shape, 'float32', values);
  },
);

/**
 * Rounds a tensor to half precision: to nearest even, from 65,520 on to Infinity, below 2^-14 to multiples of 2^-24; NaN
 * stays NaN. The same bits on every backend.
 * @param x any shape, float32
 * @returns the same shape, in half the memory; without a gradient
 * @throws TypeError when x is not float32; Error when it is differentiated.
 */
export function toHalf(x: tf.Tensor): HalfTensor {
  if (isHalf(x)) throw new TypeError(`toHalf: x is a ${x} already; give it a float32 tensor`);
  requireFloat32('toHalf', { x });
  if (x.size === 0) return halfTensor(x.shape, tf.zeros([0], 'int32'));
  return halfTensor(x.shape, pack.run({ x }, { shape: x.shape })[0]!);
}

/**
 * The same numbers in float32, exactly.
 * @throws TypeError when `half` is not a half tensor.
 */
export function toFloat(half: HalfTensor): tf.Tensor {
  if (!isHalf(half)) throw new TypeError('toFloat: needs a half tensor, as toHalf makes it');
  const { shape } = half;
  if (sizeOf(shape) === 0) return tf.zeros(shape);
  return unpack.run({ x: half.packed }, { shape })[0]!;
}
