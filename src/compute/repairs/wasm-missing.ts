/**
 * Kernels that tfjs's wasm backend does not have (UnsortedSegmentSum, which is gather's gradient; Einsum; the
 * filter gradients of convolutions, ...) run on its cpu backend: both keep their data where JavaScript can see
 * it, so the values are copied over and back.
 */
import { tf } from '../tf.js';
import { type Attributes, type Inputs, type KernelBackend, makeTensor, overrideKernel } from './override.js';

type Condition = (inputs: Inputs, attrs: Attributes) => boolean;

/** Above this rank, wasm's kernels for two operands, and pad, return other memory. */
const wasmRank = 6;
const ofHighRank: Condition = (inputs) =>
  Object.values(inputs).some((input) => input.shape.length > wasmRank);
const binary =
  'Add Atan2 Equal FloorDiv Greater GreaterEqual Less LessEqual LogicalAnd LogicalOr LogicalXor Maximum Minimum Mod Multiply NotEqual Pow RealDiv SquaredDifference Sub';

/**
 * Registered on wasm, but wrong there: gather with batchDims, casting to bool, strided slices of integers (which come back
 * as floats), oneHot of floats, prelu with another shape of slopes, high ranks.
 */
const wrongOnWasm: Record<string, Condition> = {
  GatherV2: (_inputs, attrs) => (attrs.batchDims as number) > 0,
  Cast: (inputs, attrs) => attrs.dtype === 'bool' && inputs.x!.dtype !== 'bool',
  StridedSlice: (inputs) => inputs.x!.dtype !== 'float32',
  OneHot: (_inputs, attrs) => attrs.dtype === 'float32',
  PadV2: ofHighRank,
  Prelu: ({ x, alpha }) => !tf.util.arraysEqual(x!.shape, alpha!.shape),
  ...Object.fromEntries(binary.split(' ').map((name) => [name, ofHighRank])),
};

export function provideMissingOnWasm(): void {
  for (const { kernelName } of tf.getKernelsForBackend('cpu')) {
    if (tf.getKernel(kernelName, 'wasm')) continue;
    tf.registerKernel({
      kernelName,
      backendName: 'wasm',
      kernelFunc: ({ inputs, attrs, backend }) =>
        runOnCpu(kernelName, inputs, attrs, backend as KernelBackend),
    });
  }
  for (const [kernelName, isWrong] of Object.entries(wrongOnWasm)) {
    overrideKernel(kernelName, 'wasm', (original) => (inputs, attrs, backend) => {
      if (!isWrong(inputs, attrs)) return original(inputs, attrs, backend);
      return runOnCpu(
        kernelName,
        inputs as tf.NamedTensorInfoMap,
        attrs as tf.NamedAttrMap,
        backend,
      ) as tf.TensorInfo;
    });
  }
}

function runOnCpu(
  kernelName: string,
  inputs: tf.NamedTensorInfoMap,
  attrs: tf.NamedAttrMap | undefined,
  wasm: KernelBackend,
): tf.TensorInfo | tf.TensorInfo[] {
  const cpu = tf.findBackend('cpu') as unknown as KernelBackend;
  // Variadic kernels (Einsum) get an array here, whatever the type says.
  const copies = (Array.isArray(inputs) ? [] : {}) as tf.NamedTensorInfoMap;
  for (const [name, input] of Object.entries(inputs)) {
    if (input) copies[name] = copy(input, wasm, cpu);
  }
  const outputs = tf.getKernel(kernelName, 'cpu')!.kernelFunc({ inputs: copies, attrs, backend: cpu });
  const results = [outputs].flat().map((output) => copy(output, cpu, wasm));
  for (const info of [...Object.values(copies), ...[outputs].flat()]) {
    if (info) cpu.disposeData(info.dataId);
  }
  return Array.isArray(outputs) ? results : results[0]!;
}

function copy(
  { dataId, shape, dtype }: tf.TensorInfo,
  from: KernelBackend,
  to: KernelBackend,
): tf.TensorInfo {
  const values = from.readSync(dataId) as Float32Array | Int32Array | Uint8Array;
  // The cpu backend keeps an int32 tensor cast to float32 in an Int32Array; wasm copies bytes.
  const relabelled = dtype === 'float32' && !(values instanceof Float32Array);
  return makeTensor(to, shape, dtype, relabelled ? Float32Array.from(values) : values.slice());
}
