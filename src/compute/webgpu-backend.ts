/**
 * tfjs's webgpu backend on our own device, with three additions: pending GPU errors throw at the next readback,
 * the cache of free buffers is bounded, and the private members the fused-kernel launcher stands on are checked
 * when the backend is made.
 */
import { WebGPUBackend } from '@tensorflow/tfjs-backend-webgpu';
import type { GpuDevice } from './device.js';
import { tf } from './tf.js';

/** The members of tfjs's backend that are private in its types and that the launcher needs. */
export interface BackendInternals {
  device: GPUDevice;
  queue: GPUQueue;
  tensorMap: { get(dataId: object): { dtype: tf.DataType; resource?: GPUBuffer | null; values?: unknown } };
  bufferManager: {
    acquireBuffer(size: number, usage: GPUBufferUsageFlags): GPUBuffer;
    releaseBuffer(buffer: GPUBuffer): void;
    freeBuffers: Map<string, GPUBuffer[]>;
    numFreeBuffers: number;
    numBytesUsed: number;
    numBytesAllocated: number;
  };
  commandQueueOwnedIds: WeakSet<object>;
  commandEncoder: GPUCommandEncoder | null;
  computePassEncoder: GPUComputePassEncoder | null;
  uniformPendingDisposal: GPUBuffer[];
  dispatchCountInPass: number;
  supportTimestampQuery: boolean;
  querySet: GPUQuerySet | null;
  activeTimers: TimedDispatch[] | undefined | null;
  uploadToGPU(dataId: object): void;
  ensureCommandEncoderReady(): void;
  endComputePassEncoder(): void;
  submitQueue(): void;
  getQueryTime(): Promise<number>;
}

/** One measured dispatch, as tfjs's own timing records it; the query gives milliseconds. */
export interface TimedDispatch {
  name: string;
  query: Promise<number>;
}

/** Free buffers kept for reuse: at least this much, and never more than was in use at once. */
const cacheFloorBytes = 256 * 2 ** 20;

export class GpuBackend extends WebGPUBackend {
  private peakBytes = 0;

  constructor(readonly gpu: GpuDevice) {
    super(gpu.device, gpu.info);
    checkInternals(this);
  }

  /** The private members, typed. */
  get internals(): BackendInternals {
    return this as unknown as BackendInternals;
  }

  /** Reads values back, and throws what the GPU reported about the work before it. */
  override async read(dataId: object): Promise<tf.backend_util.BackendValues> {
    this.gpu.errors.assertAlive();
    try {
      const values = await super.read(dataId);
      await this.gpu.errors.settle();
      return values;
    } catch (error) {
      // A failed map is a consequence; the collected message is the cause.
      await this.gpu.errors.settle();
      throw error;
    }
  }

  override readSync(dataId: object): tf.backend_util.BackendValues {
    const { values, dtype } = this.internals.tensorMap.get(dataId);
    if (values == null && dtype !== 'complex64') {
      throw new Error(
        'dataSync, arraySync and print cannot read from the GPU in Node; use `await tensor.data()` or `await read(tensor)`',
      );
    }
    return super.readSync(dataId);
  }

  override submitQueue(): void {
    super.submitQueue();
    this.trimCache();
  }

  /** Waits until the GPU has finished everything submitted so far. */
  async sync(): Promise<void> {
    if (this.internals.commandEncoder) {
      this.endComputePassEncoder();
      this.submitQueue();
    }
    await this.gpu.device.queue.onSubmittedWorkDone();
    await this.gpu.errors.settle();
  }

  /**
   * tfjs caches free buffers by exact size and never evicts: sequence lengths 1..200 leave 1.3 GB behind.
   * The sizes seen first go first.
   */
  private trimCache(): void {
    const manager = this.internals.bufferManager;
    this.peakBytes = Math.max(this.peakBytes, manager.numBytesUsed);
    const limit = Math.max(cacheFloorBytes, this.peakBytes);
    let free = manager.numBytesAllocated - manager.numBytesUsed;
    if (free <= limit) return;
    for (const [key, buffers] of [...manager.freeBuffers]) {
      for (const buffer of buffers) {
        free -= buffer.size;
        manager.numBytesAllocated -= buffer.size;
        manager.numFreeBuffers -= 1;
        buffer.destroy();
      }
      // The manager expects every size it has seen to stay a key; re-inserting moves it to the young end.
      manager.freeBuffers.delete(key);
      manager.freeBuffers.set(key, []);
      if (free <= limit / 2) return;
    }
  }
}

/** @throws Error naming the missing members: then this tfjs is not the one the launcher was written for. */
function checkInternals(backend: GpuBackend): void {
  const internals: Record<keyof BackendInternals, string> = {
    device: 'object',
    queue: 'object',
    tensorMap: 'object',
    bufferManager: 'object',
    commandQueueOwnedIds: 'object',
    commandEncoder: 'object',
    computePassEncoder: 'object',
    uniformPendingDisposal: 'object',
    dispatchCountInPass: 'number',
    supportTimestampQuery: 'boolean',
    querySet: 'object',
    activeTimers: 'undefined',
    uploadToGPU: 'function',
    ensureCommandEncoderReady: 'function',
    endComputePassEncoder: 'function',
    submitQueue: 'function',
    getQueryTime: 'function',
  };
  const wrong = Object.entries(internals)
    .filter(([name, type]) => typeof backend[name as keyof GpuBackend] !== type)
    .map(([name]) => name);
  const manager = backend.internals.bufferManager as unknown as Record<string, unknown>;
  for (const name of [
    'acquireBuffer',
    'freeBuffers',
    'numFreeBuffers',
    'numBytesUsed',
    'numBytesAllocated',
  ]) {
    if (manager[name] === undefined) wrong.push(`bufferManager.${name}`);
  }
  if (wrong.length > 0) {
    throw new Error(
      `kernelbook: this @tensorflow/tfjs-backend-webgpu lacks ${wrong.join(', ')}; install exactly 4.22.0 with \`npm ci\``,
    );
  }
}

/**
 * Registers the backend as tfjs's `webgpu`, replacing the one its package registers in browsers.
 * tfjs's constructor insists on `navigator.gpu`; it is lent for that moment only, so that no other package takes
 * this process for a browser.
 */
export function registerGpuBackend(gpu: GpuDevice): void {
  if (tf.findBackendFactory('webgpu')) tf.removeBackend('webgpu');
  tf.registerBackend('webgpu', () => withNavigator(() => new GpuBackend(gpu)), 5);
  // Small CPU-resident tensors would otherwise be computed on the CPU: what runs on "webgpu" runs on the GPU.
  tf.env().set('WEBGPU_CPU_FORWARD', false);
}

function withNavigator<T>(action: () => T): T {
  const original = Object.getOwnPropertyDescriptor(globalThis, 'navigator');
  Object.defineProperty(globalThis, 'navigator', { value: { gpu: {} }, configurable: true });
  try {
    return action();
  } finally {
    if (original) Object.defineProperty(globalThis, 'navigator', original);
    else Reflect.deleteProperty(globalThis, 'navigator');
  }
}
