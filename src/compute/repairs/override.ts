/** Replaces a kernel of one backend by a wrapper around it, through tfjs's kernel registry. */
import { tf } from '../tf.js';

export type Backend = 'webgpu' | 'tensorflow' | 'wasm' | 'cpu';
export type Inputs = Record<string, tf.TensorInfo>;
export type Attributes = Record<string, unknown>;
/** A kernel as the repairs write it: one output, attributes always there. */
export type KernelBody = (inputs: Inputs, attributes: Attributes, backend: KernelBackend) => tf.TensorInfo;

/** What every tfjs backend object offers, as far as the repairs need it. */
export interface KernelBackend {
  write(values: tf.backend_util.BackendValues, shape: number[], dtype: tf.DataType): object;
  disposeData(dataId: object): boolean;
  readSync(dataId: object): tf.backend_util.BackendValues;
  incRef(dataId: object): void;
}

/** `wrap` receives the original kernel. A kernel that the backend does not have stays absent. */
export function overrideKernel(
  name: string,
  backend: Backend,
  wrap: (original: KernelBody) => KernelBody,
): void {
  const config = tf.getKernel(name, backend);
  if (!config) return;
  const original: KernelBody = (inputs, attrs, kernelBackend) =>
    config.kernelFunc({
      inputs: inputs as tf.NamedTensorInfoMap,
      attrs: attrs as tf.NamedAttrMap,
      backend: kernelBackend,
    }) as tf.TensorInfo;
  const repaired = wrap(original);
  tf.unregisterKernel(name, backend);
  tf.registerKernel({
    ...config,
    kernelFunc: ({ inputs, attrs, backend: kernelBackend }) =>
      repaired(inputs as Inputs, (attrs ?? {}) as Attributes, kernelBackend as KernelBackend),
  });
}

/** Runs another registered kernel of the backend, repaired or not, without the gradient tape. */
export function runKernel(
  name: string,
  backendName: Backend,
  backend: KernelBackend,
  inputs: Inputs,
  attrs: Attributes,
): tf.TensorInfo {
  const config = tf.getKernel(name, backendName);
  if (!config) throw new Error(`${name} is not registered on backend ${backendName}`);
  return config.kernelFunc({
    inputs: inputs as tf.NamedTensorInfoMap,
    attrs: attrs as tf.NamedAttrMap,
    backend,
  }) as tf.TensorInfo;
}

/** A tensor of the backend holding these values. */
export function makeTensor(
  backend: KernelBackend,
  shape: number[],
  dtype: tf.DataType,
  values: tf.backend_util.BackendValues,
): tf.TensorInfo {
  return { dataId: backend.write(values, shape, dtype), shape, dtype };
}

/** Sums a gradient over the axes along which its input was broadcast; tfjs forgets those of extent 0. */
export function unbroadcast(gradient: tf.Tensor, shape: number[]): tf.Tensor {
  if (gradient.size === 0) return tf.zeros(shape);
  const axes = tf.broadcast_util.getReductionAxes(shape, gradient.shape);
  return axes.length > 0 ? gradient.sum(axes).reshape(shape) : gradient.reshape(shape);
}
