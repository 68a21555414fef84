/**
 * Which engine computes: `useBackend` chooses one of tfjs's backends, prepares it (device, repairs) and makes it
 * current; `listBackends` says what this machine has, and why the rest is missing.
 */
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import type { Displayable, MimeBundle } from '../display/display.js';
import { type GpuDevice, openDevice } from './device.js';
import { loadTensorFlow } from './tensorflow.js';
import { tf } from './tf.js';

export type BackendName = 'webgpu' | 'tensorflow' | 'wasm' | 'cpu';

export const backendNames: readonly BackendName[] = ['webgpu', 'tensorflow', 'wasm', 'cpu'];

/** The engine in use, as it shows itself in a notebook. */
export class BackendInfo implements Displayable {
  constructor(
    readonly name: BackendName,
    /** What computes: the adapter's or the library's name. */
    readonly device: string,
    /** The driver or library version, as it announces itself; empty where there is none. */
    readonly driver: string,
    /** True for a GPU. Software Vulkan and the CPU engines are false: their times are no GPU times. */
    readonly hardware: boolean,
    readonly features: readonly string[],
  ) {}

  toString(): string {
    const driver = this.driver ? `, ${this.driver}` : '';
    const features = this.features.length > 0 ? ` [${this.features.join(' ')}]` : '';
    return `${this.name} on ${this.device}${driver} (${this.hardware ? 'GPU' : 'no GPU'})${features}`;
  }

  toMimeBundle(): MimeBundle {
    const { name, device, driver, hardware, features } = this;
    return {
      'text/plain': this.toString(),
      'application/vnd.kernelbook.backend+json': { name, device, driver, hardware, features },
    };
  }
}

export interface BackendReport {
  name: BackendName;
  available: boolean;
  /** Why it is not available, and what to do. */
  reason?: string;
  info?: BackendInfo;
}

/** Makes one backend ready for `tf.setBackend` and describes it. */
const prepare: Record<BackendName, () => Promise<BackendInfo>> = {
  async webgpu() {
    gpu = await openDevice();
    const { registerGpuBackend } = await import('./webgpu-backend.js');
    registerGpuBackend(gpu);
    const { device, description, vendor, architecture } = gpu.info;
    const name = description || device || `${vendor} ${architecture}`;
    return new BackendInfo('webgpu', name, `${vendor} ${architecture}`.trim(), gpu.hardware, gpu.features);
  },
  async tensorflow() {
    const { version, cuda } = await loadTensorFlow();
    return new BackendInfo('tensorflow', cuda ? 'CUDA GPU' : 'CPU', `TensorFlow ${version}`, cuda, []);
  },
  async wasm() {
    const require = createRequire(import.meta.url);
    const wasm: typeof import('@tensorflow/tfjs-backend-wasm') = require('@tensorflow/tfjs-backend-wasm');
    wasm.setWasmPaths(join(dirname(require.resolve('@tensorflow/tfjs-backend-wasm')), '/'));
    const simd = await tf.env().getAsync('WASM_HAS_SIMD_SUPPORT');
    return new BackendInfo('wasm', 'CPU', 'WebAssembly, one thread', false, simd ? ['simd'] : []);
  },
  async cpu() {
    return new BackendInfo('cpu', 'CPU', `JavaScript, Node ${process.versions.node}`, false, []);
  },
};

const prepared = new Map<BackendName, BackendInfo>();
/** The device of the webgpu backend. When it is lost, another one takes its place. */
let gpu: GpuDevice | undefined;

async function prepareOnce(name: BackendName): Promise<BackendInfo> {
  const known = prepared.get(name);
  if (known && !(name === 'webgpu' && gpu?.errors.lost)) return known;
  const info = await prepare[name]();
  // Not loaded before a backend is used: importing the library is to cost nothing for them.
  const { repairBackend, repairGradients } = await import('./repairs/index.js');
  if (!prepared.has(name)) {
    repairGradients();
    repairBackend(name);
  }
  prepared.set(name, info);
  return info;
}

/**
 * Makes a backend current and returns what it is. Calling it again with the same name changes nothing.
 * Without a name: the environment variable KERNELBOOK_BACKEND, else the first that works of webgpu on a GPU,
 * tensorflow with CUDA, webgpu on software Vulkan, tensorflow on the CPU, wasm, cpu.
 * @throws Error when that backend is absent, saying why and what to do; RangeError for an unknown name.
 */
export async function useBackend(name?: BackendName): Promise<BackendInfo> {
  const wanted = name ?? (process.env.KERNELBOOK_BACKEND || undefined);
  if (wanted === undefined) return activate((await firstWorking()).name);
  if (!backendNames.includes(wanted as BackendName)) {
    const from = name === undefined ? ' (from KERNELBOOK_BACKEND)' : '';
    throw new RangeError(
      `useBackend: unknown backend '${wanted}'${from}; use one of ${backendNames.join(', ')}`,
    );
  }
  return activate(wanted as BackendName);
}

async function activate(name: BackendName): Promise<BackendInfo> {
  let info: BackendInfo;
  try {
    info = await prepareOnce(name);
  } catch (error) {
    throw new Error(`useBackend: backend '${name}' is not available here: ${(error as Error).message}`);
  }
  if (tf.getBackend() !== name && !(await tf.setBackend(name))) {
    throw new Error(`useBackend: tfjs could not start its backend '${name}'; see the messages above`);
  }
  return info;
}

/** The default order: hardware before software, and among equals the engine with fused kernels first. */
async function firstWorking(): Promise<BackendInfo> {
  const attempt = (name: BackendName) => prepareOnce(name).catch(() => undefined);
  const webgpu = await attempt('webgpu');
  if (webgpu?.hardware) return webgpu;
  const tensorflow = await attempt('tensorflow');
  if (tensorflow?.hardware) return tensorflow;
  return webgpu ?? tensorflow ?? (await attempt('wasm')) ?? (await prepareOnce('cpu'));
}

/** Every backend: what it would compute on, or why it is missing and what to do. Changes nothing. */
export async function listBackends(): Promise<BackendReport[]> {
  const reports: BackendReport[] = [];
  for (const name of backendNames) {
    try {
      reports.push({ name, available: true, info: await prepareOnce(name) });
    } catch (error) {
      reports.push({ name, available: false, reason: (error as Error).message });
    }
  }
  return reports;
}
