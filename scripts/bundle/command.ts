/**
 * `kernelbook bundle`: one folder with everything the GPU checks need, for a Linux machine that has a GPU driver and
 * nothing else: no Node, no network, no package manager.
 */
import type { Command } from 'commander';

export function registerBundle(program: Command): void {
  program
    .command('bundle')
    .description('write the air-gapped folder of GPU checks (golden cases, oracles, benchmark)')
    .option('--output <folder>', 'where to write it', 'build/gpu-bundle')
    .action(async ({ output }: { output: string }) => {
      const { BundleError, makeBundle } = await import('./bundle.js');
      try {
        await makeBundle(output, console.log);
      } catch (error) {
        if (!(error instanceof BundleError)) throw error;
        console.error(`kernelbook bundle: ${error.message}`);
        process.exitCode = 1;
      }
    });
}
