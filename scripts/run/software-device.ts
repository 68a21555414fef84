/** Sees to it that notebooks that use the library have a WebGPU device, at least one in software. */
import { readdirSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import { hasSoftwareVulkan } from '../../src/compute/software-vulkan.js';
import type { MachineProbe } from '../check/probe-machine.js';
import type { Notebook } from '../notebook/format.js';
import { codeReach } from '../result-cache/code-reach.js';

export interface SoftwareDeviceOptions {
  env: NodeJS.ProcessEnv;
  /** Where a driver is installed, it is also tried: Dawn refuses old ones. */
  probe: Pick<MachineProbe, 'devices'> | undefined;
  say: (line: string) => void;
  signal: AbortSignal;
}

/** Fetches software Vulkan where it is wanted and there is no other. Says what is used; without it the run goes on. */
export async function provideSoftwareDevice(
  notebooks: readonly Notebook[],
  { env, probe, say, signal }: SoftwareDeviceOptions,
): Promise<void> {
  if (process.platform !== 'linux' || hasSoftwareVulkan()) return;
  const backend = env.KERNELBOOK_BACKEND;
  if ((backend && backend !== 'webgpu') || !notebooks.some(usesLibrary)) return;
  if (hasVulkanDriver(env)) {
    const devices = await probe?.devices();
    if (!Array.isArray(devices) || devices.find(({ name }) => name === 'webgpu')?.available !== false) return;
  }
  const { fetchSwiftshader } = await import('../setup/swiftshader.js');
  const failure = await fetchSwiftshader({ say, signal, env });
  say(
    failure === undefined
      ? 'WebGPU computes in software, by SwiftShader: the fused kernels run, their times say nothing about a GPU'
      : `${failure}; going on without WebGPU`,
  );
}

export function usesLibrary({ cells }: Notebook): boolean {
  return cells.some(
    ({ cell_type, source }) =>
      cell_type === 'code' &&
      source.includes('kernelbook') &&
      codeReach('cell', source).modules.has('kernelbook'),
  );
}

/** Whether the Vulkan loader would find any driver's manifest. Reference: the loader's documentation of driver discovery. */
export function hasVulkanDriver(env: NodeJS.ProcessEnv): boolean {
  const named = env.VK_DRIVER_FILES || env.VK_ICD_FILENAMES;
  if (named) return named.split(delimiter).some(isThere);
  const shared = (env.XDG_DATA_DIRS || '/usr/local/share:/usr/share').split(delimiter);
  const own = env.XDG_DATA_HOME || join(homedir(), '.local', 'share');
  return ['/etc', '/usr/local/etc', own, ...shared].some((folder) => {
    const place = join(folder, 'vulkan', 'icd.d');
    return isThere(place) && readdirSync(place).some((name) => name.endsWith('.json'));
  });
}

function isThere(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false }) !== undefined;
}
