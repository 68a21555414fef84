/**
 * tfjs's webgpu backend on our own device: pending GPU errors throw at the next readback, memory and work in flight are
 * bounded, tensors that the device cannot bind are refused, and the private members the fused-kernel launcher stands on
 * are checked when the backend is made.
 */
import tfjsWebgpu = require('@tensorflow/tfjs-backend-webgpu');

import { reuseBindGroups } from './bind-groups.js';
import { BufferPool } from './buffer-pool.js';
import { type GpuDevice, GpuError } from './device.js';
import { waitUntil } from './gpu-events.js';
import { InFlight } from './in-flight.js';
import { sizeOf } from './ndarray.js';
import { keyByLength } from './repairs/cumulative-length.js';
import { endInZeros } from './repairs/mat-mul-padding.js';
import { readTransposedSingly } from './repairs/mat-mul-split.js';
import { tf } from './tf.js';

/** The members of tfjs's backend that are private in its types and that the launcher needs. */
export interface BackendInternals {
  device: GPUDevice;
  queue: GPUQueue;
  tensorMap: { get(dataId: object): TensorData };
  bufferManager: BufferPool;
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

/** Where the values of a tensor are: `values` on the CPU, `resource` on the GPU. */
export interface TensorData {
  dtype: tf.DataType;
  shape: number[];
  resource?: GPUBuffer | null;
  values?: tf.backend_util.BackendValues | null;
}

/** One measured dispatch, as tfjs's own timing records it; the query gives milliseconds. */
export interface TimedDispatch {
  name: string;
  query: Promise<number>;
}

/** Axes that tfjs's shaders can index. */
const largestRank = 6;

export class GpuBackend extends tfjsWebgpu.WebGPUBackend {
  private readonly inFlight: InFlight;

  constructor(readonly gpu: GpuDevice) {
    super(gpu.device, gpu.info);
    checkInternals(this);
    reuseBindGroups(gpu);
    this.inFlight = new InFlight(gpu);
    this.internals.bufferManager = new BufferPool(gpu, {
      submitPending: () => this.submitPending(),
      waitForAll: () => this.inFlight.waitForAll(),
    });
  }

  /** The private members, typed. */
  get internals(): BackendInternals {
    return this as unknown as BackendInternals;
  }

  /** Reads values back, and throws what the GPU reported about the work before it. */
  override async read(dataId: object): Promise<tf.backend_util.BackendValues> {
    this.gpu.errors.assertAlive();
    const since = this.gpu.errors.thrown;
    // Whoever disposes of the tensor meanwhile does not take it from its reader.
    this.incRef(dataId);
    try {
      const values = await super.read(dataId);
      await this.gpu.errors.settle(since);
      return values;
    } catch (error) {
      // A failed map is a consequence; the collected message is the cause.
      await this.gpu.errors.settle(since);
      throw error;
    } finally {
      this.release(dataId);
    }
  }

  /** Gives back a reference, and with the last one what the engine still knows of the tensor. */
  private release(dataId: object): void {
    const engine = tf.engine();
    if (this.disposeData(dataId) && engine.state.tensorInfo.has(dataId)) engine.removeDataId(dataId, this);
  }

  /**
   * The values, waited for: dataSync, arraySync and print work in Node too, at the price of a thread that stands still.
   * @throws GpuError as `read` does, but for the name of a kernel that did not compile
   */
  override readSync(dataId: object): tf.backend_util.BackendValues {
    const tensor = this.internals.tensorMap.get(dataId);
    if (tensor.values != null || tensor.dtype === 'string' || tensor.dtype === 'complex64') {
      return super.readSync(dataId);
    }
    this.gpu.errors.assertAlive();
    tensor.values = tf.util.convertBackendValuesAndArrayBuffer(this.download(tensor), tensor.dtype);
    return tensor.values;
  }

  private download(tensor: TensorData): ArrayBuffer {
    // No kernel has written to what has no buffer.
    if (!tensor.resource) return new ArrayBuffer(sizeOf(tensor.shape) * 4);
    const { size } = tensor.resource;
    const staging = this.gpu.device.createBuffer({
      size,
      usage: GPUBufferUsage.COPY_DST | GPUBufferUsage.MAP_READ,
    });
    try {
      this.ensureCommandEncoderReady();
      this.endComputePassEncoder();
      this.internals.commandEncoder!.copyBufferToBuffer(tensor.resource, 0, staging, 0, size);
      this.submitQueue();
      // Rejected only when the device is lost, which is reported below.
      staging.mapAsync(GPUMapMode.READ).catch(() => {});
      waitUntil(() => staging.mapState !== 'pending');
      this.gpu.errors.throwReported();
      return staging.getMappedRange().slice(0);
    } finally {
      staging.destroy();
    }
  }

  /**
   * Gives a tensor its buffer, and the buffer its values: through the queue, where tfjs makes a buffer to copy from and
   * ends the compute pass for every constant. No command that waits to be submitted uses the buffer yet, because buffers
   * are released only after the submission of what used them.
   * @throws GpuError when the tensor is larger than the device can bind, or out of memory
   */
  override uploadToGPU(dataId: object): void {
    this.gpu.errors.assertAlive();
    const tensor = this.internals.tensorMap.get(dataId);
    if (tensor.resource != null) return;
    const bytes = sizeOf(tensor.shape) * 4;
    const limit = this.gpu.device.limits.maxStorageBufferBindingSize;
    if (bytes > limit) {
      throw new GpuError(
        `a tensor of shape [${tensor.shape}] needs ${bytes} bytes, but this GPU binds at most ${limit}; use smaller shapes or split the batch`,
      );
    }
    const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;
    // What is empty has no buffer of its size; a program that reads it needs one all the same.
    const buffer = this.internals.bufferManager.acquireBuffer(Math.max(bytes, 4), usage);
    if (bytes > 0 && tensor.values) {
      this.queue.writeBuffer(buffer, 0, words(tensor));
      tensor.values = null;
    }
    tensor.resource = buffer;
  }

  /** @throws Error where tfjs's shaders cannot index the tensors, which they say without a name or a shape */
  override runWebGPUProgram(
    ...args: Parameters<tfjsWebgpu.WebGPUBackend['runWebGPUProgram']>
  ): tf.TensorInfo {
    const [program, inputs, , , output] = args;
    const shapes = [output?.shape ?? program.outputShape, ...inputs.map(({ shape }) => shape)];
    const tooMany = shapes.find(({ length }) => length > largestRank);
    if (tooMany) {
      const name = program.constructor.name.replace(/Program$/, '');
      throw new Error(
        `${name}: shape [${tooMany}] has rank ${tooMany.length}; webgpu handles at most ${largestRank}: reshape some axes into one`,
      );
    }
    endInZeros(program);
    readTransposedSingly(program);
    keyByLength(program);
    return super.runWebGPUProgram(...args);
  }

  override submitQueue(): void {
    this.gpu.errors.assertAlive();
    this.inFlight.beforeSubmit(this.internals.commandEncoder!);
    super.submitQueue();
    this.inFlight.afterSubmit();
    this.internals.bufferManager.trim();
  }

  /** Waits until the GPU has finished everything submitted so far. */
  async sync(): Promise<void> {
    this.submitPending();
    await this.gpu.device.queue.onSubmittedWorkDone();
    await this.gpu.errors.settle();
  }

  private submitPending(): void {
    if (!this.internals.commandEncoder) return;
    this.endComputePassEncoder();
    this.submitQueue();
  }
}

/** The values as they are on the GPU, four bytes each. */
function words({ dtype, values }: TensorData): Float32Array<ArrayBuffer> | Int32Array<ArrayBuffer> {
  const Typed = dtype === 'float32' ? Float32Array : Int32Array;
  // Dawn takes no view of shared memory.
  if (values instanceof Typed && values.buffer instanceof ArrayBuffer) {
    return values as Float32Array<ArrayBuffer>;
  }
  return Typed.from(values as ArrayLike<number>);
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
  for (const name of ['acquireBuffer', 'releaseBuffer', 'dispose', 'numBytesUsed', 'numBytesAllocated']) {
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
