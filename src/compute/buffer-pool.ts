/**
 * The GPU buffers behind tensors, in place of tfjs's `BufferManager`: free buffers of the same size are used again, the
 * lowest-numbered first, so that the steps of a loop settle on the same buffers (see bind-groups.ts); how much is kept
 * free is bounded; and memory that cannot be had is an error at once, with the size asked for.
 */
import { formatQuantity } from '../display/format.js';
import { type GpuDevice, GpuError } from './device.js';

/** Free buffers kept for reuse: at least this much, and never more than was in use at once. */
const cacheFloorBytes = 256 * 2 ** 20;

/** What the pool asks of the backend before it gives up. */
export interface Queue {
  /** Submits what was recorded, which releases the buffers of tensors disposed of meanwhile. */
  submitPending(): void;
  /** Waits until the GPU has finished, and so has freed what was destroyed. */
  waitForAll(): void;
}

/** The names are those of tfjs, whose backend calls this. */
export class BufferPool {
  numUsedBuffers = 0;
  numFreeBuffers = 0;
  numBytesUsed = 0;
  /** In use and free. */
  numBytesAllocated = 0;
  private peakBytes = 0;
  /** By size and usage; each list falls in number, and the sizes trimmed longest ago come first. */
  private readonly freeBuffers = new Map<string, GPUBuffer[]>();
  private readonly used = new Set<GPUBuffer>();
  private readonly numbers = new WeakMap<GPUBuffer, number>();
  private created = 0;

  constructor(
    private readonly gpu: GpuDevice,
    private readonly queue: Queue,
  ) {}

  /** @throws GpuError when the device has no buffer of that size */
  acquireBuffer(size: number, usage: GPUBufferUsageFlags, mappedAtCreation = false, reuse = true): GPUBuffer {
    let buffer = reuse ? this.freeBuffers.get(keyOf(size, usage))?.pop() : undefined;
    if (buffer) this.numFreeBuffers -= 1;
    else buffer = this.create({ size, usage, mappedAtCreation });
    this.used.add(buffer);
    this.numUsedBuffers += 1;
    this.numBytesUsed += size;
    this.peakBytes = Math.max(this.peakBytes, this.numBytesUsed);
    return buffer;
  }

  releaseBuffer(buffer: GPUBuffer, reuse = true): void {
    if (!this.used.delete(buffer)) return;
    this.numUsedBuffers -= 1;
    this.numBytesUsed -= buffer.size;
    if (!reuse) {
      this.destroy(buffer);
      return;
    }
    const key = keyOf(buffer.size, buffer.usage);
    const free = this.freeBuffers.get(key) ?? [];
    this.freeBuffers.set(key, free);
    const number = this.numbers.get(buffer)!;
    let at = free.length;
    while (at > 0 && this.numbers.get(free[at - 1]!)! < number) at -= 1;
    free.splice(at, 0, buffer);
    this.numFreeBuffers += 1;
  }

  /** Destroys free buffers where too much is kept: sequence lengths 1..200 would leave 1.3 GB behind. */
  trim(): void {
    const limit = Math.max(cacheFloorBytes, this.peakBytes);
    if (this.numBytesAllocated - this.numBytesUsed > limit) this.destroyFree(limit / 2);
  }

  getNumUsedBuffers(): number {
    return this.numUsedBuffers;
  }

  getNumFreeBuffers(): number {
    return this.numFreeBuffers;
  }

  dispose(): void {
    this.destroyFree(0);
    for (const buffer of this.used) buffer.destroy();
    this.used.clear();
    this.numUsedBuffers = 0;
    this.numBytesAllocated = 0;
    this.numBytesUsed = 0;
  }

  private create(descriptor: GPUBufferDescriptor): GPUBuffer {
    const { size } = descriptor;
    const limit = this.gpu.device.limits.maxBufferSize;
    if (size > limit) {
      throw new GpuError(
        `${inWords(size)} asked for one tensor, but the largest buffer of this GPU is ${inWords(limit)}; use smaller shapes or split the batch`,
      );
    }
    let buffer = this.attempt(descriptor);
    if (!buffer) {
      this.queue.submitPending();
      this.destroyFree(0);
      this.queue.waitForAll();
      buffer = this.attempt(descriptor);
    }
    if (!buffer) {
      throw new GpuError(
        `out of GPU memory: ${inWords(size)} asked for, with ${inWords(this.numBytesUsed)} in use by tensors; ` +
          'dispose of tensors (tf.tidy, tensor.dispose()), or use a smaller batch or model',
      );
    }
    this.numbers.set(buffer, this.created++);
    this.numBytesAllocated += size;
    return buffer;
  }

  /** Dawn reports within the call that it could not allocate, and returns a buffer that is none. */
  private attempt(descriptor: GPUBufferDescriptor): GPUBuffer | undefined {
    const { result, outOfMemory } = this.gpu.errors.watchMemory(() =>
      this.gpu.device.createBuffer(descriptor),
    );
    if (!outOfMemory) return result;
    result.destroy();
    return undefined;
  }

  private destroyFree(keepBytes: number): void {
    for (const [key, buffers] of [...this.freeBuffers]) {
      if (this.numBytesAllocated - this.numBytesUsed <= keepBytes) return;
      for (const buffer of buffers) this.destroy(buffer);
      this.numFreeBuffers -= buffers.length;
      this.freeBuffers.delete(key);
    }
  }

  private destroy(buffer: GPUBuffer): void {
    this.numBytesAllocated -= buffer.size;
    buffer.destroy();
  }
}

function keyOf(size: number, usage: GPUBufferUsageFlags): string {
  return `${size} ${usage}`;
}

function inWords(bytes: number): string {
  return `${bytes} bytes (${formatQuantity(bytes, 'B')})`;
}
