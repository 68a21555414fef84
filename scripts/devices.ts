/** `kernelbook devices`: which backends this machine has, on what they compute, and why the others are missing. */
import type { Command } from 'commander';
import type { BackendReport } from '../src/compute/backend.js';

export function registerDevices(program: Command): void {
  program
    .command('devices')
    .description('list the backends of this machine, and why the missing ones are missing')
    .option('--json', 'print the report as JSON')
    .action(async ({ json }: { json?: boolean }) => {
      const { listBackends, useBackend } = await import('../src/compute/backend.js');
      const reports = await listBackends();
      if (json) {
        console.log(JSON.stringify(reports, null, 2));
        return;
      }
      for (const report of reports) console.log(describe(report));
      console.log(await choice(useBackend));
    });
}

function describe({ name, available, reason, info }: BackendReport): string {
  const label = name.padEnd(11);
  if (!available || !info) return `${label} not available: ${reason}`;
  const kind = info.hardware ? 'GPU' : name === 'webgpu' ? 'software, no GPU' : 'CPU';
  const device = [info.device, info.driver].filter((text) => text !== '' && text !== kind).join(', ');
  const features = info.features.length > 0 ? `\n${' '.repeat(12)}features: ${info.features.join(' ')}` : '';
  return `${label} available (${kind}): ${device}${features}`;
}

/** An unusable KERNELBOOK_BACKEND is reported, not fatal: this command is how one finds out. */
async function choice(useBackend: () => Promise<{ name: string }>): Promise<string> {
  const forced = process.env.KERNELBOOK_BACKEND;
  try {
    const { name } = await useBackend();
    return forced ? `chosen by KERNELBOOK_BACKEND: ${name}` : `chosen by default: ${name}`;
  } catch (error) {
    return `no backend: ${(error as Error).message}`;
  }
}
