/** However the kernel ends, in the middle of work too: no process, no file, no crash that was not asked for. */
import { existsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, expect, onTestFailed, test } from 'vitest';
import type { KernelClient } from '../../kernel/protocol/client.js';
import { descendants, processRuns } from '../../scripts/processes.js';
import { pick, seeded, whole } from './fuzz-messages.js';
import { eventually, startKernel } from './helpers.js';

const started: KernelClient[] = [];
afterEach(async () => {
  for (const kernel of started.splice(0)) await kernel.kill();
});
const launch = async (): Promise<KernelClient> => {
  const kernel = await startKernel();
  started.push(kernel);
  return kernel;
};
async function nothingLeft(kernel: KernelClient, processes: number[]): Promise<void> {
  await eventually('no process left', () => !processes.some(processRuns));
  expect(existsSync(kernel.process.connectionFile)).toBe(false);
}

test.each([
  ['process.exit(3)', { code: 3, signal: null }],
  ['process.exitCode = 4; process.exit()', { code: 4, signal: null }],
  ['process.on("exit", () => { throw new Error("at the end") }); process.exit(5)', { signal: null }],
  [
    'process.on("exit", () => console.log("bye")); setInterval(() => console.log("x"), 1); process.exit(6)',
    { code: 6 },
  ],
  ['process.abort()', { code: null, signal: 'SIGABRT' }],
  ['process.kill(process.pid, "SIGSEGV"); await new Promise(() => {})', { code: null, signal: 'SIGSEGV' }],
  ['process.kill(process.pid, "SIGKILL"); await new Promise(() => {})', { code: null, signal: 'SIGKILL' }],
])('%s', async (code, exit) => {
  const kernel = await launch();
  const processes = [kernel.pid!, ...descendants(kernel.pid!)];
  await kernel.execute(code).catch(() => {});
  expect(await kernel.process.exited).toMatchObject(exit);
  await nothingLeft(kernel, processes);
});

/** The first ones leave no turn to timers or messages: only a kill ends them. */
const holding = 4;
const work = [
  'while (true) console.log("x".repeat(100))',
  'while (true) {}',
  'for (;;) await display({ a: 1 })',
  'const tf = await import("@tensorflow/tfjs"); for (;;) { await tf.tidy(() => tf.ones([64, 64]).matMul(tf.ones([64, 64]))).data(); }',
  'setInterval(() => { for (let i = 0; i < 1e3; i++) console.log(i) }, 1); await new Promise(() => {})',
  'comms.open("nobody", {}); for (;;) { console.error("y"); await new Promise((done) => setImmediate(done)); }',
  'await input("?")',
];

test('started and stopped in the middle of work, again and again', async () => {
  const seed = Number(process.env.KERNELBOOK_FUZZ_SEED ?? 20_261_122);
  onTestFailed(() => console.error(`KERNELBOOK_FUZZ_SEED=${seed}`));
  const random = seeded(seed);
  const once = async (): Promise<void> => {
    const code = pick(random, work);
    const way = pick(random, ['shutdown', 'SIGTERM', 'exit'] as const);
    const holds = work.indexOf(code) < holding;
    const waitMs = whole(random, 300);
    const kernel = await launch();
    const processes = [kernel.pid!, ...descendants(kernel.pid!)];
    const exits = way === 'exit' ? `setTimeout(() => process.exit(0), ${waitMs});` : '';
    kernel.execute(exits + code, { onOutput: () => {}, onInput: () => sleep(1e6, '') }).catch(() => {});
    await sleep(waitMs);
    if (way === 'shutdown') await kernel.shutdown(20_000);
    if (way === 'SIGTERM') process.kill(kernel.pid!, 'SIGTERM');
    // The timer never comes.
    if (way === 'exit' && holds) await kernel.shutdown(20_000);
    const exit = await kernel.process.exited;
    // The kernel kills itself then; nothing else may do so.
    const clean = exit.code === 0 || (exit.signal === 'SIGKILL' && holds);
    expect({ code, way, waitMs, exit, clean }).toMatchObject({ clean: true, exit: { log: '' } });
    await nothingLeft(kernel, processes);
  };
  for (let round = 0; round < 6; round++) await Promise.all([once(), once()]);
});
