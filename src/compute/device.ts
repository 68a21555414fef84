/**
 * The GPU device: Dawn (npm `webgpu`) opened by us instead of by tfjs, because tfjs asks neither for f16 nor
 * subgroups nor the adapter's real limits. Chooses the adapter, collects the errors WebGPU reports
 * asynchronously, and notices a lost device. One device per process.
 */

import { captureEvents } from './gpu-events.js';
import { withoutNativeLines } from './native-stderr.js';
import { useSoftwareVulkan } from './software-vulkan.js';

/** Survives module reloads and, above all, garbage collection; see `createGpu`. */
const instanceKey = Symbol.for('kernelbook.gpu.instance');

/** Features worth having wherever the adapter offers them. */
const wantedFeatures = [
  'timestamp-query',
  'shader-f16',
  'subgroups',
  'subgroup-size-control',
  'chromium-experimental-subgroup-matrix',
] as const;

const toggles = [
  'enable-dawn-features=allow_unsafe_apis',
  // Without this, timestamps are rounded to 65.536 microseconds.
  'disable-dawn-features=timestamp_quantization',
];

/** A failure reported by the GPU: invalid WGSL, a binding too large, out of memory, a lost device. */
export class GpuError extends Error {
  override name = 'GpuError';
}

export interface GpuDevice {
  readonly device: GPUDevice;
  readonly info: GPUAdapterInfo;
  /** False for software drivers (lavapipe, SwiftShader): their times say nothing about a GPU. */
  readonly hardware: boolean;
  readonly features: readonly string[];
  readonly errors: GpuErrors;
}

/** What went wrong on the device since the last look. WebGPU reports errors long after the call that made them. */
export class GpuErrors {
  private readonly messages: string[] = [];
  private readonly checks = new Set<Promise<void>>();
  private lostMessage: string | undefined;
  private thrownErrors = 0;
  private lastError: GpuError | undefined;
  /** Set while `watchMemory` watches. */
  private outOfMemory: boolean | undefined;

  add(message: string): void {
    this.messages.push(message);
  }

  /** What the device reports; a lack of memory goes to `watchMemory` where that is watching. */
  report({ error }: GPUUncapturedErrorEvent): void {
    if (this.outOfMemory !== undefined && error instanceof GPUOutOfMemoryError) this.outOfMemory = true;
    else this.add(error.message.trim());
  }

  /** Runs `call` and says whether memory ran out in it; then what it returned is no usable object. */
  watchMemory<T>(call: () => T): { result: T; outOfMemory: boolean } {
    this.outOfMemory = false;
    try {
      const result = call();
      return { result, outOfMemory: this.outOfMemory };
    } finally {
      this.outOfMemory = undefined;
    }
  }

  /** A cause goes before the errors that follow from it, though it is reported later. */
  addCause(message: string): void {
    this.messages.unshift(message);
  }

  /** Registers an asynchronous check (a shader compilation) that the next readback must wait for. */
  expect(check: Promise<void>): void {
    const tracked = check.finally(() => this.checks.delete(tracked));
    this.checks.add(tracked);
  }

  lose(message: string): void {
    this.lostMessage = message;
  }

  get lost(): boolean {
    return this.lostMessage !== undefined;
  }

  /** @throws GpuError when the device is gone. */
  assertAlive(): void {
    if (this.lostMessage !== undefined) {
      throw new GpuError(
        `the GPU device was lost (${this.lostMessage}); its tensors are gone: \`await useBackend('webgpu')\` opens it anew, then make them again`,
      );
    }
  }

  /** How often an error was thrown so far; for `settle`. */
  get thrown(): number {
    return this.thrownErrors;
  }

  /** Waits for pending checks, then throws what was reported, once to each of those who wait at the same time. */
  async settle(since = this.thrownErrors): Promise<void> {
    await Promise.all(this.checks);
    this.throwReported();
    if (this.thrownErrors > since) throw this.lastError;
  }

  /** @throws GpuError of what was reported so far, once. */
  throwReported(): void {
    this.assertAlive();
    if (this.messages.length === 0) return;
    const [first, ...rest] = this.messages.splice(0);
    const more = rest.length > 0 ? `\n(and ${rest.length} further GPU errors that followed from it)` : '';
    this.thrownErrors += 1;
    this.lastError = new GpuError(
      `${first}${more}\nResults computed on the GPU since the last readback are not valid.`,
    );
    throw this.lastError;
  }
}

/**
 * Creates the Dawn instance. The strong global reference is not optional: without it V8 collects the instance
 * while the device is in use, and the process crashes (dawn-gpu/node-webgpu issue 18).
 */
async function createGpu({ anew = false } = {}): Promise<GPU> {
  const holder = globalThis as Record<symbol, unknown>;
  const existing = holder[instanceKey] as GPU | undefined;
  if (existing && !anew) return existing;
  const { create, globals } = await import('webgpu');
  Object.assign(globalThis, globals);
  captureEvents(globals as Record<string, unknown>);
  const adapter = process.env.KERNELBOOK_ADAPTER;
  const gpu = create(adapter ? [...toggles, `adapter=${adapter}`] : toggles);
  holder[instanceKey] = gpu;
  return gpu;
}

let opened: Promise<GpuDevice> | undefined;

/**
 * Opens the device, once per process unless it was lost. Hardware adapters are preferred; `KERNELBOOK_ADAPTER` (a part of the
 * adapter's name) picks another one.
 * @throws GpuError when there is no usable adapter, saying what to install.
 */
export async function openDevice(): Promise<GpuDevice> {
  if (!opened || (await opened).errors.lost) {
    opened = open().catch((error: unknown) => {
      opened = undefined;
      throw error;
    });
  }
  return opened;
}

async function open(): Promise<GpuDevice> {
  let gpu: GPU;
  try {
    gpu = await createGpu();
  } catch (error) {
    throw new GpuError(
      `the npm package 'webgpu' (Dawn) could not be loaded: ${firstLine(error)}; run \`npm ci\` on a supported platform`,
    );
  }
  try {
    return await openOn(await requestAdapter(gpu));
  } catch (error) {
    // No driver, or none that Dawn accepts.
    if (!(error instanceof GpuError) || !useSoftwareVulkan()) throw error;
    return openOn(await requestAdapter(await createGpu({ anew: true })));
  }
}

/** A device of this adapter with all that it can do, its errors collected. */
export async function openOn(adapter: GPUAdapter): Promise<GpuDevice> {
  const features = wantedFeatures.filter((feature) => adapter.features.has(feature));
  const device = await adapter.requestDevice({
    requiredFeatures: features as GPUFeatureName[],
    requiredLimits: largestLimits(adapter.limits),
  });
  const errors = new GpuErrors();
  device.addEventListener('uncapturederror', (event) => {
    event.preventDefault();
    errors.report(event);
  });
  void device.lost.then((lost) => errors.lose(`${lost.reason}: ${lost.message.trim()}`));
  return { device, info: adapter.info, hardware: !isSoftware(adapter.info), features, errors };
}

async function requestAdapter(gpu: GPU): Promise<GPUAdapter> {
  let adapter: GPUAdapter | null;
  try {
    adapter = await withoutNativeLines(/maxDynamic\w+ artificially reduced/, () =>
      gpu.requestAdapter({ powerPreference: 'high-performance' }),
    );
  } catch (error) {
    const wanted = process.env.KERNELBOOK_ADAPTER;
    throw new GpuError(
      wanted
        ? `no WebGPU adapter has KERNELBOOK_ADAPTER='${wanted}' in its name; unset it or correct it`
        : `no WebGPU adapter: ${firstLine(error)}`,
    );
  }
  if (adapter) return adapter;
  throw new GpuError(
    process.platform === 'linux'
      ? "no WebGPU adapter: install a Vulkan driver (the GPU vendor's, or for software rendering Mesa 24 or newer: " +
          '`apt install libvulkan1 mesa-vulkan-drivers`, on Debian 12 from bookworm-backports), or let `kernelbook run` ' +
          'fetch SwiftShader, which it does for notebooks that use the library'
      : 'no WebGPU adapter: the graphics driver offers neither Vulkan, Metal nor Direct3D 12; update it',
  );
}

/** lavapipe ("llvmpipe"), SwiftShader and WARP announce themselves as fallback adapters or by name. */
function isSoftware(info: GPUAdapterInfo): boolean {
  const named = /llvmpipe|lavapipe|swiftshader|basic render|warp/i;
  return info.isFallbackAdapter || named.test(`${info.description} ${info.device} ${info.architecture}`);
}

/** Everything the adapter can do: requestDevice otherwise grants WebGPU's small defaults. */
function largestLimits(limits: GPUSupportedLimits): Record<string, number> {
  const wanted: Record<string, number> = {};
  for (const name in limits) {
    const value = (limits as unknown as Record<string, unknown>)[name];
    if (typeof value === 'number') wanted[name] = value;
  }
  return wanted;
}

function firstLine(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).trim().split('\n')[0] ?? '';
}
