/**
 * Running a kernel on the cpu backend for another one: the inputs are copied over, the results back. For what a backend
 * has no kernel for (strings, ragged and sparse tensors, unique), and for what its own kernel gets wrong.
 */
import { tf } from '../tf.js';
import type { GpuBackend } from '../webgpu-backend.js';
import {
  type Attributes,
  type Backend,
  type Inputs,
  type KernelBackend,
  makeTensor,
  overrideKernel,
  runKernel,
} from './override.js';

/** Whether the backend's own kernel is wrong; `see` gives the values of an input. */
export type Condition = (inputs: Inputs, attrs: Attributes, see: See) => boolean;

/** The values of an input where they can be seen without waiting for a GPU. */
export type See = (input: tf.TensorInfo) => ArrayLike<number> | undefined;

export const some = (values: ArrayLike<number> | undefined, is: (value: number) => boolean): boolean =>
  Array.prototype.some.call(values ?? [], is);

/** The kernels of two operands that are broadcast. */
export const binaryKernels =
  'Add Atan2 Equal FloorDiv Greater GreaterEqual Less LessEqual LogicalAnd LogicalOr LogicalXor Maximum Minimum Mod Multiply NotEqual Pow RealDiv SquaredDifference Sub'.split(
    ' ',
  );

/** Registers every kernel that only the cpu backend has. */
export function provideMissing(backendName: Backend): void {
  for (const { kernelName } of tf.getKernelsForBackend('cpu')) {
    if (tf.getKernel(kernelName, backendName)) continue;
    tf.registerKernel({
      kernelName,
      backendName,
      kernelFunc: ({ inputs, attrs, backend }) =>
        runOnCpu(kernelName, inputs, attrs, backend as KernelBackend),
    });
  }
}

/** Leaves to the cpu backend what the backend's own kernel gets wrong. */
export function avoidOwnKernels(backendName: Backend, wrong: Record<string, Condition>): void {
  for (const [kernelName, isWrong] of Object.entries(wrong)) {
    overrideKernel(kernelName, backendName, (original) => (inputs, attrs, backend) => {
      const see: See = ({ dataId }) => seen(backendName, backend, dataId);
      if (!isWrong(inputs, attrs, see)) return original(inputs, attrs, backend);
      return runOnCpu(
        kernelName,
        inputs as tf.NamedTensorInfoMap,
        attrs as tf.NamedAttrMap,
        backend,
      ) as tf.TensorInfo;
    });
  }
}

export function seen(name: Backend, backend: KernelBackend, dataId: object): ArrayLike<number> | undefined {
  if (name !== 'webgpu') return backend.readSync(dataId) as Int32Array;
  const { values } = (backend as unknown as GpuBackend).internals.tensorMap.get(dataId);
  return (values as Int32Array | null | undefined) ?? undefined;
}

function runOnCpu(
  kernelName: string,
  inputs: tf.NamedTensorInfoMap,
  attrs: tf.NamedAttrMap | undefined,
  own: KernelBackend,
): tf.TensorInfo | tf.TensorInfo[] {
  const cpu = tf.findBackend('cpu') as unknown as KernelBackend;
  const made: tf.TensorInfo[] = [];
  const over = (input: unknown): unknown => {
    // Variadic kernels get an array (Einsum), or one among their inputs (RaggedGather), whatever the type says.
    if (Array.isArray(input)) return input.map(over);
    if (!input) return input;
    const moved = copy(input as tf.TensorInfo, own, cpu);
    made.push(moved);
    // Some kernels take their inputs for whole tensors.
    return { ...moved, rank: moved.shape.length };
  };
  try {
    const copies = Array.isArray(inputs)
      ? over(inputs)
      : Object.fromEntries(Object.entries(inputs).map(([name, input]) => [name, over(input)]));
    const outputs = tf.getKernel(kernelName, 'cpu')!.kernelFunc({
      inputs: copies as tf.NamedTensorInfoMap,
      attrs,
      backend: cpu,
    });
    made.push(...[outputs].flat());
    const results = [outputs].flat().map((output) => copy(output, cpu, own));
    return Array.isArray(outputs) ? results : results[0]!;
  } finally {
    for (const { dataId } of made) cpu.disposeData(dataId);
  }
}

/** The arrays that backends keep numbers in; the cpu backend is less strict, and the others copy bytes. */
const arrayOf = { float32: Float32Array, int32: Int32Array, bool: Uint8Array } as const;

function copy(
  { dataId, shape, dtype }: tf.TensorInfo,
  from: KernelBackend,
  to: KernelBackend,
): tf.TensorInfo {
  const values = from.readSync(dataId) as Float32Array;
  if (dtype === 'complex64') return copyComplex(values, shape, to);
  const Typed = arrayOf[dtype as keyof typeof arrayOf];
  return makeTensor(to, shape, dtype, Typed ? Typed.from(values) : values.slice());
}

/** Complex tensors are pairs of others, except on wasm, which has none: there the interleaved values lie where strings do. */
function copyComplex(values: Float32Array, shape: number[], to: KernelBackend): tf.TensorInfo {
  const name =
    to === (tf.findBackend('wasm') as unknown)
      ? undefined
      : to === (tf.findBackend('cpu') as unknown)
        ? 'cpu'
        : tf.getBackend();
  if (!name) return { ...makeTensor(to, shape, 'string', values), dtype: 'complex64' };
  const part = (offset: number) =>
    makeTensor(
      to,
      shape,
      'float32',
      values.filter((_, n) => n % 2 === offset),
    );
  const [real, imag] = [part(0), part(1)];
  const result = runKernel('Complex', name as Backend, to, { real, imag }, {});
  for (const info of [real, imag]) to.disposeData(info.dataId);
  return result;
}
