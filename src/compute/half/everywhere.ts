/** Operations on packed half tensors that every backend has: WGSL on webgpu, JavaScript on the others. */
import { type Attributes, type Fused, type FusedDefinition, registerFused } from '../fused.js';
import type { KernelBackend } from '../repairs/override.js';
import { tf } from '../tf.js';

/** Registers the operation; `compute` is its form on the CPU. Call it once, at module level. */
export function registerEverywhere<const I extends string, A extends Attributes>(
  definition: FusedDefinition<I, A>,
  compute: (inputs: { [input in I]: tf.TensorInfo }, attrs: A, backend: KernelBackend) => tf.TensorInfo,
): Fused<I, A> {
  const kernelName = definition.name;
  for (const backendName of ['cpu', 'wasm', 'tensorflow']) {
    if (tf.getKernel(kernelName, backendName)) tf.unregisterKernel(kernelName, backendName);
    tf.registerKernel({
      kernelName,
      backendName,
      kernelFunc: ({ inputs, attrs, backend }) =>
        compute(inputs as { [input in I]: tf.TensorInfo }, attrs as unknown as A, backend as KernelBackend),
    });
  }
  return registerFused(definition);
}
