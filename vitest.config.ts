import { defineConfig } from 'vitest/config';
import { HeavyFirst } from './test/support/heavy-first.js';
import { patienceMs } from './test/support/patience.js';

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
    // They end what hangs. No verdict depends on how busy the machine is.
    testTimeout: 2 * patienceMs,
    hookTimeout: 2 * patienceMs,
    expect: { poll: { timeout: patienceMs } },
  },
});
