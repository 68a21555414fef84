import { defineConfig } from 'vitest/config';
import { HeavyFirst } from './test/support/heavy-first.js';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/global-setup.ts'],
    // Dawn and ZeroMQ are native addons with process-wide state: one process per file, never threads.
    pool: 'forks',
    // The kernels of the tests leave the user's history alone.
    env: { KERNELBOOK_HISTORY: 'off' },
    maxWorkers: 2,
    sequence: { sequencer: HeavyFirst },
    testTimeout: 60_000,
    hookTimeout: 120_000,
  },
});
