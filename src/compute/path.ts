/**
 * Which implementation of a component runs. A component with a fused WGSL kernel takes `path`: 'auto' uses the kernel
 * where the current backend has it, 'composed' the form made of tfjs operations, 'fused' insists on the kernel.
 */
import { tf } from './tf.js';

export type KernelPath = 'auto' | 'fused' | 'composed';

/**
 * @param kernel name under which the fused kernel is registered with tfjs
 * @param unsupported why the fused kernel cannot take these arguments, if so
 * @throws Error when 'fused' is asked for and cannot be had.
 */
export function choosePath(
  caller: string,
  kernel: string,
  path: KernelPath = 'auto',
  unsupported?: string,
): 'fused' | 'composed' {
  if (path === 'composed') return 'composed';
  if (path !== 'auto' && path !== 'fused') {
    throw new TypeError(`${caller}: path must be 'auto', 'fused' or 'composed', got ${JSON.stringify(path)}`);
  }
  const present = tf.getKernel(kernel, tf.getBackend()) !== undefined;
  if (present && unsupported === undefined) return 'fused';
  if (path === 'auto') return 'composed';
  throw new Error(
    present
      ? `${caller}: path 'fused' does not support ${unsupported}; use path 'auto' or 'composed'`
      : `${caller}: path 'fused' needs the webgpu backend, but the current one is '${tf.getBackend()}'; ` +
          `call await useBackend('webgpu') first, or use path 'auto'`,
  );
}
