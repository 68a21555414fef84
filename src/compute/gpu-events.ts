/**
 * Waiting for the GPU without leaving JavaScript. Dawn in Node notices what the GPU has finished only in a function that
 * it gives to the global `setImmediate`, so a loop that never awaits never hears from it. Here that function is kept:
 * Node still calls it in its turn, and `waitUntil` may call it earlier.
 */
import { clearImmediate, setImmediate } from 'node:timers';

interface Pending {
  run(): void;
  handle?: NodeJS.Immediate;
}

const pending = new Set<Pending>();

/** Stands in for the global `setImmediate` during a call into Dawn; should it stay there, it still does its work. */
function keep(callback: (...args: unknown[]) => void, ...args: unknown[]): NodeJS.Immediate {
  const item: Pending = { run: () => capturing(() => callback(...args)) };
  item.handle = setImmediate(() => {
    if (pending.delete(item)) item.run();
  });
  pending.add(item);
  return item.handle;
}

function capturing<T>(call: () => T): T {
  const outer = globalThis.setImmediate;
  globalThis.setImmediate = keep as typeof setImmediate;
  try {
    return call();
  } finally {
    globalThis.setImmediate = outer;
  }
}

/** The calls after which Dawn has something to report. */
const asynchronous: Readonly<Record<string, readonly string[]>> = {
  GPU: ['requestAdapter'],
  GPUAdapter: ['requestDevice'],
  GPUDevice: ['popErrorScope', 'createComputePipelineAsync', 'createRenderPipelineAsync'],
  GPUQueue: ['onSubmittedWorkDone'],
  GPUBuffer: ['mapAsync'],
  GPUShaderModule: ['getCompilationInfo'],
};

type Method = (this: unknown, ...args: unknown[]) => unknown;

/** Prepares Dawn's classes; once, before the first of these calls. */
export function captureEvents(classes: Record<string, unknown>): void {
  for (const [name, methods] of Object.entries(asynchronous)) {
    const { prototype } = classes[name] as { prototype: Record<string, Method> };
    for (const method of methods) {
      const original = prototype[method]!;
      prototype[method] = function (...args) {
        return capturing(() => original.apply(this, args));
      };
    }
  }
}

const sleeper = new Int32Array(new SharedArrayBuffer(4));
const longestPauseMs = 1;

/**
 * Blocks until `done()`, letting Dawn process what the GPU reports.
 * @returns false when nothing is outstanding that could make it true
 */
export function waitUntil(done: () => boolean): boolean {
  for (let pauseMs = 0.02; !done(); pauseMs = Math.min(2 * pauseMs, longestPauseMs)) {
    if (pending.size === 0) return false;
    for (const item of [...pending]) {
      pending.delete(item);
      clearImmediate(item.handle);
      item.run();
    }
    if (!done()) Atomics.wait(sleeper, 0, 0, pauseMs);
  }
  return true;
}
