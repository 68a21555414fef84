/**
 * Bounds the work that the GPU has been given and has not finished. A loop that never awaits records faster than a GPU
 * computes; the queue, and the memory behind it, would grow without end. Every few submissions a marker is written behind
 * the work, and the loop waits when the markers before it are too many.
 */
import type { GpuDevice } from './device.js';
import { waitUntil } from './gpu-events.js';

/** Submissions from one marker to the next, and markers that may be outstanding. */
const submissionsPerMarker = 16;
const outstandingMarkers = 4;

export class InFlight {
  private submissions = 0;
  private next: GPUBuffer | undefined;
  private readonly outstanding: GPUBuffer[] = [];
  private readonly spare: GPUBuffer[] = [];

  constructor(private readonly gpu: GpuDevice) {}

  /** Called before a submission, with the encoder that it will submit. */
  beforeSubmit(encoder: GPUCommandEncoder): void {
    this.submissions += 1;
    if (this.submissions % submissionsPerMarker === 0) this.mark(encoder);
  }

  /** Called after it; waits while too much is outstanding. */
  afterSubmit(): void {
    if (!this.next) return;
    // Rejected only when the device is lost or destroyed, which is reported elsewhere.
    this.next.mapAsync(GPUMapMode.READ).catch(() => {});
    this.outstanding.push(this.next);
    this.next = undefined;
    while (this.outstanding.length > outstandingMarkers) this.waitForOldest();
  }

  /** Waits until the GPU has finished everything submitted so far. */
  waitForAll(): void {
    const encoder = this.gpu.device.createCommandEncoder();
    this.mark(encoder);
    this.gpu.device.queue.submit([encoder.finish()]);
    this.afterSubmit();
    while (this.outstanding.length > 0) this.waitForOldest();
  }

  private mark(encoder: GPUCommandEncoder): void {
    const usage = GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST;
    this.next = this.spare.pop() ?? this.gpu.device.createBuffer({ size: 4, usage });
    encoder.clearBuffer(this.next);
  }

  private waitForOldest(): void {
    const marker = this.outstanding.shift()!;
    waitUntil(() => marker.mapState !== 'pending');
    if (marker.mapState !== 'mapped') {
      marker.destroy();
      return;
    }
    marker.unmap();
    this.spare.push(marker);
  }
}
