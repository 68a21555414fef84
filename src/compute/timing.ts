/**
 * Time on the device. On webgpu every dispatch (tfjs's and ours) is measured by GPU timestamps, which leave out
 * what JavaScript spends between them; elsewhere, and on devices without timestamps, it is wall time until the
 * engine has finished.
 */

import { tf } from './tf.js';
import type { TimedDispatch } from './webgpu-backend.js';

export interface KernelTime {
  /** Name of the fused kernel or of tfjs's program. */
  readonly name: string;
  readonly ms: number;
}

export interface DeviceTiming<T> {
  readonly result: T;
  /** `timestamps`: `deviceMs` is the sum over the measured dispatches; `wall`: it equals `wallMs`. */
  readonly method: 'timestamps' | 'wall';
  readonly deviceMs: number;
  /** From the call until the engine had finished, dispatch overhead included. */
  readonly wallMs: number;
  /** One entry per dispatch in order; empty for wall time. */
  readonly kernels: readonly KernelTime[];
}

/** What the timing needs of our webgpu backend, without loading that module. */
interface TimedBackend {
  sync(): Promise<void>;
  readonly internals: { activeTimers: TimedDispatch[] | undefined | null; supportTimestampQuery: boolean };
}

function gpuBackend(): TimedBackend | undefined {
  return tf.getBackend() === 'webgpu' ? (tf.backend() as unknown as TimedBackend) : undefined;
}

/** Waits until the current engine has finished everything given to it. Throws pending GPU errors. */
export async function syncDevice(): Promise<void> {
  await gpuBackend()?.sync();
}

/**
 * Runs `fn` and measures it. Timestamps cost one submission per dispatch, so `wallMs` is larger than without
 * them: take device time from here and end-to-end time from `timeWall`. Not reentrant.
 */
export async function withGpuTiming<T>(fn: () => T | Promise<T>): Promise<DeviceTiming<T>> {
  const backend = gpuBackend();
  if (!backend?.internals.supportTimestampQuery) return timeWall(fn);
  await backend.sync();
  const timers: TimedDispatch[] = [];
  const start = performance.now();
  backend.internals.activeTimers = timers;
  let result: T;
  try {
    result = await fn();
  } finally {
    backend.internals.activeTimers = undefined;
  }
  const kernels = await Promise.all(timers.map(async ({ name, query }) => ({ name, ms: await query })));
  await backend.sync();
  const wallMs = performance.now() - start;
  const deviceMs = kernels.reduce((sum, { ms }) => sum + ms, 0);
  return { result, method: 'timestamps', deviceMs, wallMs, kernels };
}

/** Runs `fn` and measures wall time from an idle engine until it is idle again. */
export async function timeWall<T>(fn: () => T | Promise<T>): Promise<DeviceTiming<T>> {
  await syncDevice();
  const start = performance.now();
  const result = await fn();
  await syncDevice();
  const wallMs = performance.now() - start;
  return { result, method: 'wall', deviceMs: wallMs, wallMs, kernels: [] };
}
