/**
 * SwiftShader, software Vulkan in two files of the user's cache, for machines without a Vulkan driver. `kernelbook start` and
 * `run` fetch it (`scripts/setup/swiftshader.ts`); here it becomes the driver of this process. Nothing is installed.
 */
import { existsSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import { cacheDirectory } from '../cache.js';

/** Holds `libvulkan.so.1`, the loader, `libvk_swiftshader.so`, the driver, and `driver.json`, the driver's manifest. */
export function softwareVulkanFolder(): string {
  return join(cacheDirectory(), 'swiftshader-153');
}

export function hasSoftwareVulkan(): boolean {
  return existsSync(join(softwareVulkanFolder(), 'driver.json'));
}

/** The library stays when the call that loaded it has failed; not among Node's constants. */
const keepLoaded = 0x1000;
let inUse = false;

/**
 * Has the next Dawn instance find SwiftShader and no other driver. False where it is not there, or in use already. The
 * loader is loaded by its place, so that Dawn, which asks for it by name, gets it also where the system has none.
 */
export function useSoftwareVulkan(): boolean {
  if (inUse || !hasSoftwareVulkan()) return false;
  inUse = true;
  const manifest = join(softwareVulkanFolder(), 'driver.json');
  process.env.VK_DRIVER_FILES = manifest;
  process.env.VK_ICD_FILENAMES = manifest;
  try {
    const { RTLD_NOW, RTLD_GLOBAL } = constants.dlopen;
    process.dlopen(
      { exports: {} },
      join(softwareVulkanFolder(), 'libvulkan.so.1'),
      RTLD_NOW | RTLD_GLOBAL | keepLoaded,
    );
  } catch {
    // It is no module of Node, which is said after it has been loaded.
  }
  return true;
}
