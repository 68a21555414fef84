/**
 * `kernelbook test` (`npm test`): brings up what the tests need, checks style and types, runs every suite and prints a
 * summary whose last line is the count. Arguments are passed to Vitest as file filters.
 */
import type { Command } from 'commander';
import { whyOnlyInCheckout } from '../checkout.js';

interface TestOptions {
  setup: boolean;
  check: boolean;
}

export function registerTest(program: Command): void {
  program
    .command('test')
    .description('set up this machine for the tests, check style and types, run every suite')
    .argument('[filters...]', 'run only test files whose path contains one of these')
    .option('--no-setup', 'install nothing; only find out what is there')
    .option('--no-check', 'leave out the style and type check')
    .action(async (filters: string[], options: TestOptions) => {
      const missing = whyOnlyInCheckout(['vitest.config.ts', 'tsconfig.json', 'biome.json']);
      if (missing !== undefined) {
        console.error(`kernelbook test: ${missing}`);
        process.exitCode = 2;
        return;
      }
      const { runTests } = await import('./run-tests.js');
      process.exitCode = (await runTests(filters, options)) ? 0 : 1;
    });
}
