/** How much GPU memory a computation needs beyond what was held before it, its results included. */
import { tf } from './tf.js';
import type { GpuBackend } from './webgpu-backend.js';

/**
 * Runs `work` on the webgpu backend and disposes of the tensors it made. Counts the buffers in use, those too that wait
 * for the GPU to finish with them; inputs that are still on the CPU are uploaded and counted, so run the work once before.
 * @returns bytes in use at the peak, less those in use at the start
 * @throws Error when the current backend is another one; whatever `work` throws
 */
export async function peakGpuBytes(work: () => unknown): Promise<number> {
  if (tf.getBackend() !== 'webgpu') {
    throw new Error(
      `peakGpuBytes: measures the webgpu backend, but the current one is '${tf.getBackend()}'; call await useBackend('webgpu') first`,
    );
  }
  const backend = tf.backend() as GpuBackend;
  const manager = backend.internals.bufferManager;
  await backend.sync();
  const before = manager.numBytesUsed;
  let peak = before;
  const acquire = manager.acquireBuffer;
  manager.acquireBuffer = (...request) => {
    const buffer = acquire.apply(manager, request);
    peak = Math.max(peak, manager.numBytesUsed);
    return buffer;
  };
  tf.engine().startScope();
  try {
    await work();
    await backend.sync();
  } finally {
    manager.acquireBuffer = acquire;
    tf.engine().endScope();
  }
  return peak - before;
}
