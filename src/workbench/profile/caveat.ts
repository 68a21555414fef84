/** The stamp of every measurement that was not taken on a GPU. */
import type { BackendInfo } from '../../compute/backend.js';

/** "software Vulkan: not a GPU figure" and the like; empty on a GPU. */
export function caveat({ name, hardware }: BackendInfo): string {
  if (hardware) return '';
  return `${name === 'webgpu' ? 'software Vulkan' : 'CPU'}: not a GPU figure`;
}
