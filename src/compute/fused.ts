/**
 * A fused operation as tfjs sees it: a kernel of its own name in tfjs's registry with a gradient, so that tidy,
 * the tape, optimizers and memory accounting treat it like any other operation. It exists on the webgpu backend
 * only; a component asks `available()` and otherwise uses its composed form.
 */
import type { Kernel } from './kernel.js';
import { type LaunchArguments, launch } from './launch.js';
import { tf } from './tf.js';
import type { GpuBackend } from './webgpu-backend.js';

/** `launch` with the backend filled in. */
export type Launch = <
  I extends Kernel['inputs'],
  O extends Kernel['outputs'],
  U extends NonNullable<Kernel['uniforms']>,
>(
  kernel: Kernel<I, O, U>,
  args: LaunchArguments<I, O, U>,
) => { [name in keyof O]: tf.TensorInfo };

export interface FusedGradient<I extends string, A> {
  /** Inputs and outputs (by position) that `backward` needs. */
  readonly saveInputs?: readonly I[];
  readonly saveOutputs?: readonly boolean[];
  /**
   * One function per input that has a gradient. `dy` holds a tensor per output (zeros where an output was not
   * used); `saved` the saved inputs, then the saved outputs.
   */
  backward(dy: tf.Tensor[], saved: tf.Tensor[], attrs: A): { [input in I]?: () => tf.Tensor };
}

export interface FusedDefinition<I extends string, A> {
  /** Name in tfjs's kernel registry, e.g. `KernelbookRmsNorm`. */
  readonly name: string;
  readonly inputs: readonly I[];
  /** Launches the kernels and returns the outputs in order. */
  forward(inputs: { [input in I]: tf.TensorInfo }, attrs: A, launch: Launch): tf.TensorInfo[];
  readonly gradient?: FusedGradient<I, A>;
}

export interface Fused<I extends string, A> {
  readonly name: string;
  /** Whether the current backend has the fused form. */
  available(): boolean;
  /** Runs it, recorded on the gradient tape; returns the outputs in order. */
  run(inputs: { [input in I]: tf.Tensor }, attrs: A): tf.Tensor[];
}

/** What tfjs passes around as attributes. */
export type Attributes = Record<string, number | boolean | string | null | undefined | number[]>;

/** Registers a fused operation on the webgpu backend. Call it once, at module level. */
export function registerFused<const I extends string, A extends Attributes>(
  definition: FusedDefinition<I, A>,
): Fused<I, A> {
  const { name } = definition;
  // A module evaluated twice (a test runner's reload) replaces its former self.
  if (tf.getKernel(name, 'webgpu')) tf.unregisterKernel(name, 'webgpu');
  tf.registerKernel({
    kernelName: name,
    backendName: 'webgpu',
    kernelFunc: ({ inputs, attrs, backend }) => {
      const gpu = backend as GpuBackend;
      return definition.forward(
        inputs as { [input in I]: tf.TensorInfo },
        attrs as unknown as A,
        (kernel, args) => launch(gpu, kernel, args),
      );
    },
  });
  if (definition.gradient) registerFusedGradient(definition, definition.gradient);
  return {
    name,
    available: () => tf.getKernel(name, tf.getBackend()) !== undefined,
    run: (inputs, attrs) => {
      const outputs = tf.engine().runKernel(name, inputs, attrs as unknown as tf.NamedAttrMap);
      return (Array.isArray(outputs) ? outputs : [outputs]) as tf.Tensor[];
    },
  };
}

function registerFusedGradient<I extends string, A extends Attributes>(
  { name }: FusedDefinition<I, A>,
  gradient: FusedGradient<I, A>,
): void {
  if (tf.getGradient(name)) tf.unregisterGradient(name);
  tf.registerGradient({
    kernelName: name,
    inputsToSave: [...(gradient.saveInputs ?? [])],
    outputsToSave: [...(gradient.saveOutputs ?? [])],
    gradFunc: (dy, saved, attrs) => {
      const dys = Array.isArray(dy) ? dy : [dy];
      return gradient.backward(dys, saved, attrs as unknown as A) as Record<string, () => tf.Tensor>;
    },
  });
}
